import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** The user that Postgres runs as when we are root; `null` means "ourselves". */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Postgres gets a fixed environment: PGDATA, PGPORT or a Turkish locale of the person who typed
 * `npm start` must not change what the cluster is.
 */
export const BARE_ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C",
  TZ: "UTC",
} as const;

export function asAccount(account: Account | null): { uid?: number; gid?: number } {
  return account === null ? {} : { uid: account.uid, gid: account.gid };
}

/** Runs a program to its end; never rejects. `code` is -1 where it could not even be started. */
export async function runToEnd(
  command: string,
  args: readonly string[],
  options: { readonly account: Account | null; readonly cwd: string },
): Promise<{ code: number; output: string }> {
  const { promise, resolve } = Promise.withResolvers<{ code: number; output: string }>();
  try {
    const child = spawn(command, args, {
      ...asAccount(options.account),
      cwd: options.cwd,
      env: BARE_ENVIRONMENT,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString("utf8")).slice(-8000);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => resolve({ code: -1, output: error.message }));
    child.on("close", (code) => resolve({ code: code ?? -1, output }));
  } catch (error) {
    resolve({ code: -1, output: String(error) });
  }
  return promise;
}

/** Asks the kernel as `account` itself: permission bits alone do not tell about ACLs, mounts or user namespaces. */
export function canEnter(account: Account | null, folder: string): boolean {
  const probe = spawnSync("/bin/sh", ["-c", 'cd -- "$1"', "sh", folder], {
    ...asAccount(account),
    cwd: "/",
    env: BARE_ENVIRONMENT,
    stdio: "ignore",
  });
  return probe.status === 0;
}

function readProc(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/**
 * Where a container has no init, a dead orphan stays a zombie for ever and still answers signal 0,
 * so the state letter in /proc decides where there is a /proc.
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  const stat = readProc(`/proc/${pid}/stat`);
  const state = stat?.slice(stat.lastIndexOf(")") + 2).at(0);
  return state !== "Z" && state !== "X";
}

/** Command line of a live process, words joined by spaces; null where the system does not tell. */
export function commandLine(pid: number): string | null {
  return readProc(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ") ?? null;
}

/** With the pid it names one process for ever: pids are used again, most of all in containers. */
export function startedAt(pid: number): string {
  const stat = readProc(`/proc/${pid}/stat`);
  const afterName = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return afterName?.[19] ?? "unknown";
}
