import { type ChildProcess, fork, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const BENCH = join(ROOT, "bench");

/** What this run started and has not stopped yet: stopped at the end whatever happens. */
const alive = new Set<ChildProcess>();

export interface Part {
  readonly pid: number;
  /** The JSON that it printed when it was ready. */
  readonly ready: string;
  stop(): Promise<void>;
}

function ended(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function stopChild(child: ChildProcess, patienceMs = 20_000): Promise<void> {
  alive.delete(child);
  if (ended(child)) {
    return;
  }
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill("SIGTERM");
  });
}

export async function stopEverything(): Promise<void> {
  await Promise.all([...alive].map((child) => stopChild(child, 3_000)));
}

/** Starts a server of ours or of a peer and waits for its line with `"ready":true`. Its words go to `logFile`. */
export async function startPart(
  words: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly logFile: string;
    readonly readyWhen?: RegExp;
  },
): Promise<Part> {
  const log = openSync(options.logFile, "a");
  const [command = process.execPath, ...args] = words;
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", log],
  });
  closeSync(log);
  alive.add(child);
  const wanted = options.readyWhen ?? /"ready":\s*true/;
  const ready = await new Promise<string>((resolve, reject) => {
    let head = "";
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      head = (head + chunk).slice(-16_384);
      const line = head.split("\n").find((each) => wanted.test(each));
      if (line !== undefined) {
        resolve(line);
      }
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      const tail = readFileSync(options.logFile, "utf8").slice(-1_500);
      reject(
        new Error(
          `${args.join(" ")} ended (${code ?? signal}) before it was ready.\n${head}\n${tail}`,
        ),
      );
    });
  });
  return { pid: child.pid ?? 0, ready, stop: () => stopChild(child) };
}

export interface Talker {
  readonly pid: number;
  /** Sends a message and waits for the next one. @throws Error where the child answers `{error}` or dies */
  ask(message: object): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** A child with a channel that answers every message with one message. */
export async function startTalker(
  script: string,
  args: readonly string[],
  execArgv: readonly string[] = [],
): Promise<Talker> {
  const child = fork(script, [...args], {
    cwd: ROOT,
    execArgv: [...execArgv],
    serialization: "advanced", // JSON makes null of NaN
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  alive.add(child);
  const next = (): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        child.off("message", heard);
        child.off("exit", died);
        act();
      };
      const heard = (message: unknown): void => {
        settle(() => {
          const answer = typeof message === "object" && message !== null ? { ...message } : {};
          if ("error" in answer) {
            reject(new Error(`${script}: ${String(answer.error)}`));
          } else {
            resolve(answer);
          }
        });
      };
      const died = (code: number | null): void => {
        settle(() => {
          reject(new Error(`${script} ended (${code}) instead of answering.`));
        });
      };
      child.on("message", heard);
      child.on("exit", died);
    });
  return {
    pid: child.pid ?? 0,
    ask: (message) => {
      const answer = next();
      child.send(message);
      return answer;
    },
    stop: () => stopChild(child),
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = address !== null && typeof address === "object" ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Processor seconds that a process has used; 0 where the system does not tell. */
export function cpuSeconds(pid: number): number {
  const fields = fieldsOf(String(pid));
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}

/** Processor seconds of a postmaster and of all its processes, those that have ended included. */
export function familySeconds(pid: number): number {
  let ticks = 0;
  try {
    for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
      const fields = fieldsOf(name);
      if (Number(name) === pid) {
        ticks += Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]);
      } else if (Number(fields[1]) === pid) {
        ticks += Number(fields[11]) + Number(fields[12]);
      }
    }
  } catch {
    return 0;
  }
  return ticks / 100;
}

/** Fields of /proc/<pid>/stat from the third on; [] for a process that is gone. */
function fieldsOf(pid: string): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

/** Processor seconds that all cores together were busy. */
export function busySeconds(): number {
  try {
    const fields = (readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "")
      .split(/\s+/)
      .slice(1)
      .map(Number);
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields;
    return (user + nice + system + irq + softirq) / 100;
  } catch {
    return 0;
  }
}
