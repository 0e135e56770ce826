import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const UP_MS = 90_000;
const STOP_MS = 20_000;

export interface RunningPurser {
  readonly base: string;
  readonly email: string;
  readonly password: string;
  stop(): Promise<void>;
}

/**
 * The whole product as `npm start` runs it, on ports and data of its own: real Postgres, worker and sandbox. A running
 * one can be used instead by PURSER_BROWSER_BASE, PURSER_BROWSER_EMAIL and PURSER_BROWSER_PASSWORD.
 */
export async function startPurser(): Promise<RunningPurser> {
  const base = process.env["PURSER_BROWSER_BASE"];
  if (base !== undefined) {
    return {
      base,
      email: process.env["PURSER_BROWSER_EMAIL"] ?? "",
      password: process.env["PURSER_BROWSER_PASSWORD"] ?? "",
      stop: () => Promise.resolve(),
    };
  }
  if (!existsSync(join(ROOT, "console/dist/index.html"))) {
    throw new Error("The console is not built: npm run build -w console");
  }
  const port = await freePort();
  const data = mkdtempSync(join(tmpdir(), "purser-browser-"));
  const child = spawn(process.execPath, [join(ROOT, "server/src/main.ts"), "start"], {
    cwd: ROOT,
    env: {
      ...process.env,
      PURSER_PORT: String(port),
      PURSER_SANDBOX_PORT: String(await freePort()),
      PURSER_DATA: data,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = await banner(child);
  return {
    base: `http://127.0.0.1:${port}`,
    email: /Sign in as\s+(\S+)/u.exec(printed)?.[1] ?? "",
    password: /password\s+(\S+)/u.exec(printed)?.[1] ?? "",
    stop: async () => {
      await stopped(child);
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** Everything printed until the sign-in is; an early end is reported with what was said. */
function banner(child: ChildProcess): Promise<string> {
  return new Promise((done, failed) => {
    let said = "";
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      failed(new Error(`Purser was not up after ${UP_MS} ms:\n${said}`));
    }, UP_MS);
    const hear = (chunk: unknown) => {
      said += String(chunk);
      if (/password\s+\S+[^]*Ctrl-C/u.test(said)) {
        clearTimeout(timer);
        done(said);
      }
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", (code) => {
      clearTimeout(timer);
      failed(new Error(`Purser ended with ${code}:\n${said}`));
    });
  });
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    child.once("exit", () => {
      clearTimeout(timer);
      done();
    });
    child.kill("SIGINT");
  });
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        done(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  });
}
