import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

import { childEnvironment } from "#platform/config/env.ts";

export interface Child {
  /** Asks it to finish (SIGTERM), waits, and after the patience ends it. */
  stop(): Promise<void>;
  readonly pid: () => number | undefined;
}

export interface ChildOptions {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
  /** `bare` keeps our keys and tokens from a process that needs none of them. */
  readonly inherits: "all" | "bare";
  readonly logFile: string;
  readonly onEvent: (sentence: string) => void;
  readonly patienceMs: number;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * A part of Purser in a process of its own, started again when it dies: a poison event that takes
 * its worker along must not take the console along. Resolves when the child printed its ready line.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  let child: ChildProcess | null = null;
  let stopping = false;
  let pauseMs = FIRST_PAUSE_MS;
  mkdirSync(dirname(options.logFile), { recursive: true, mode: 0o700 });
  const log = openSync(options.logFile, "a", 0o600);

  const launch = (onReady: () => void, onDeath: (reason: string) => void): void => {
    const started = spawn(process.execPath, [options.script, ...options.args], {
      env: childEnvironment(options.env, options.inherits),
      // Its standard input is its leash: when this process dies, however it dies, the child ends too.
      stdio: ["pipe", "pipe", log],
    });
    child = started;
    let head = "";
    started.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      head = (head + chunk).slice(-4096);
      if (head.includes('"ready":true')) {
        pauseMs = FIRST_PAUSE_MS;
        onReady();
      }
    });
    started.stdin?.on("error", () => undefined);
    started.once("error", (error) => {
      onDeath(error.message);
    });
    started.once("exit", (code, signal) => {
      onDeath(signal === null ? `exit code ${code}` : `signal ${signal}`);
    });
  };
  const again = (reason: string): void => {
    if (stopping) {
      return;
    }
    options.onEvent(
      `${options.name} ended (${reason}); it starts again. Its log: ${options.logFile}`,
    );
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    setTimeout(() => {
      if (!stopping) {
        launch(() => options.onEvent(`${options.name} is back.`), again);
      }
    }, pauseMs).unref();
  };

  await new Promise<void>((resolve, reject) => {
    let isReady = false;
    launch(
      () => {
        isReady = true;
        resolve();
      },
      (reason) => {
        if (isReady) {
          again(reason);
        } else {
          stopping = true;
          reject(
            new Error(`${options.name} did not start (${reason}). Its log: ${options.logFile}`),
          );
        }
      },
    );
  });
  return {
    pid: () => child?.pid,
    stop: async () => {
      stopping = true;
      await endProcess(child, options.patienceMs);
    },
  };
}

async function endProcess(child: ChildProcess | null, patienceMs: number): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
    }, patienceMs);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill("SIGTERM");
  });
}
