// node tooling/lock.mjs: completes package-lock.json after an npm install.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { ROOT, say } from "./paths.mjs";

const SYSTEMS = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const PROCESSORS = ["arm64", "x64", "ia32", "riscv64", "s390x", "ppc64", "arm"];

function platformOf(name) {
  const words = name.split(/[/-]/);
  const system = SYSTEMS.find((each) => words.includes(each));
  const processor = PROCESSORS.find((each) => words.includes(each));
  if (system === undefined || processor === undefined) {
    return null;
  }
  const last = words.at(-1) ?? "";
  const libc = last.startsWith("musl") ? ["musl"] : last.startsWith("gnu") ? ["glibc"] : null;
  return { os: [system], cpu: [processor], ...(libc === null ? {} : { libc }) };
}

/** Optional dependencies that a locked package names and the lock does not hold: path, name, exact version. */
export function missingOptionals(lock) {
  const { packages } = lock;
  return Object.entries(packages).flatMap(([path, entry]) =>
    Object.entries(entry.optionalDependencies ?? {})
      .filter(([name]) => !(`${path}/node_modules/${name}` in packages))
      .filter(([name]) => !(`node_modules/${name}` in packages))
      .map(([name, version]) => ({ name, version, dev: entry.dev === true })),
  );
}

/**
 * npm leaves an optional package out of the lock where the registry did not have it at that moment
 * (a mirror that keeps the binaries of one platform only), and `npm ci` then refuses the lock
 * everywhere: "Missing: @oxlint/binding-darwin-arm64 from lock file". The entries are written from
 * what the parents pin; without integrity, which nobody here has seen.
 */
export function completeLock(lock) {
  const packages = { ...lock.packages };
  for (const { name, version, dev } of missingOptionals(lock)) {
    const platform = platformOf(name);
    if (platform === null || !/^\d+\.\d+\.\d+/.test(version)) {
      throw new Error(`${name}@${version} is missing in the lock and its platform cannot be told.`);
    }
    packages[`node_modules/${name}`] = {
      version,
      ...(dev ? { dev: true } : {}),
      optional: true,
      ...platform,
    };
  }
  const sorted = Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, "en"));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = join(ROOT, "package-lock.json");
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const missing = missingOptionals(lock).length;
  if (missing > 0) {
    writeFileSync(file, `${JSON.stringify(completeLock(lock), null, 2)}\n`);
  }
  say(`${missing} optional packages of other platforms were added to package-lock.json.`);
}
