import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import pg from "pg";

import { migrateUp } from "../../server/src/platform/db/migrate.ts";
import { startTestCluster } from "../../server/src/platform/testing/cluster.ts";
import { external, loginPasswords } from "../../server/src/wiring/database.ts";
import { prepareFirstStart } from "../../server/src/wiring/first-start.ts";
import { freePort, STRIPE_SECRET, testConfig } from "../kit/house.ts";
import { openProxy, type Proxy } from "./proxy.ts";

const MAIN = resolve(import.meta.dirname, "../../server/src/main.ts");

export interface Part {
  readonly port: number;
  readonly base: string;
  readonly exited: () => boolean;
  /** Resolves with the exit code or the signal. */
  stop(signal: NodeJS.Signals): Promise<number | string | null>;
}

export interface Site {
  readonly proxy: Proxy;
  /** Past the proxy: the truth. */
  readonly superuser: pg.Pool;
  readonly dataDir: string;
  readonly tenant: { readonly endpoint: string; readonly secret: string };
  /** The real program, a part of it, whose database is behind the proxy. */
  startPart(name: "intake" | "work" | "serve", port?: number): Promise<Part>;
  close(): Promise<void>;
}

/** A cluster of its own behind a proxy that fails on demand, and the program's parts as processes in front of it. */
export async function openSite(): Promise<Site> {
  const cluster = await startTestCluster();
  const proxy = await openProxy(cluster.port);
  const dataDir = mkdtempSync(join(tmpdir(), "purser-fault-"));
  const throughProxy = new URL(cluster.ownerUrl);
  throughProxy.port = String(proxy.port);
  const databaseUrl = throughProxy.href;
  const config = testConfig({ dataDir, port: 0, databaseUrl });
  await migrateUp({
    ownerUrl: databaseUrl,
    passwords: loginPasswords(config),
    log: () => undefined,
  });
  await prepareFirstStart(config, await external(config, databaseUrl), null);
  const superuser = new pg.Pool({
    connectionString: cluster.superuserUrl.replace(/\/postgres$/, "/purser"),
    max: 3,
  });
  // Postgres says goodbye to connections that are being closed; unheard, that fails the run.
  superuser.on("error", () => undefined);
  superuser.on("connect", (client) => {
    client.on("error", () => undefined);
  });
  const parts: ChildProcess[] = [];
  return {
    proxy,
    superuser,
    dataDir,
    tenant: { endpoint: "stripe", secret: STRIPE_SECRET },
    startPart: async (name, wanted) => {
      const port = wanted ?? (await freePort());
      const child = spawn(process.execPath, ["--no-warnings", MAIN, name], {
        env: {
          ...process.env,
          NODE_ENV: "test",
          PURSER_DATA: dataDir,
          PURSER_PORT: String(port),
          PURSER_HOST: "127.0.0.1",
          PURSER_DATABASE_URL: databaseUrl,
          PURSER_DEMO: "off",
          PURSER_SANDBOX: "off",
          PURSER_PUBLIC_URL: "",
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      parts.push(child);
      const ended = once(child, "exit").then(
        ([code, signal]: (number | string | null)[]) => code ?? signal ?? null,
      );
      await readyLine(child, name);
      return {
        port,
        base: `http://127.0.0.1:${String(port)}`,
        exited: () => child.exitCode !== null || child.signalCode !== null,
        stop: (signal) => {
          child.kill(signal);
          return ended;
        },
      };
    },
    close: async () => {
      for (const child of parts) {
        child.kill("SIGKILL");
      }
      await superuser.end();
      await proxy.close();
      await cluster.remove();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function readyLine(child: ChildProcess, name: string): Promise<void> {
  return new Promise((done, failed) => {
    let said = "";
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes('"ready":true')) {
        done();
      }
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("exit", (code) => {
      failed(new Error(`purser ${name} ended with ${String(code)}: ${said}`));
    });
  });
}
