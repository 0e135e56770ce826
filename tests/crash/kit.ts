import { type ChildProcess, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import pg from "pg";

import { migrateUp } from "../../server/src/platform/db/migrate.ts";
import { startTestCluster } from "../../server/src/platform/testing/cluster.ts";
import { type ChildConfig, SECRET } from "./wire.ts";

export type Cluster = Awaited<ReturnType<typeof startTestCluster>>;

/** A cluster of its own with one workspace and one Stripe endpoint. */
export async function openHouse(): Promise<{
  readonly cluster: Cluster;
  readonly admin: pg.Pool;
  close(): Promise<void>;
}> {
  const cluster = await startTestCluster();
  await migrateUp({
    ownerUrl: cluster.ownerUrl,
    passwords: {
      service: cluster.credentials.purser_service,
      operator: cluster.credentials.purser_operator,
    },
    log: () => undefined,
  });
  const admin = new pg.Pool({
    connectionString: cluster.superuserUrl.replace(/\/postgres$/, "/purser"),
    max: 2,
  });
  admin.on("error", () => undefined);
  await admin.query(`
    create table crash_effects (external_id text not null, worker text not null, at timestamptz not null default clock_timestamp());
    grant select, insert on crash_effects to purser_worker;
    insert into workspaces (public_id, slug, name, is_default, created_at) values ('ws_crash', 'crash', 'Crash', true, now());
    insert into endpoints (public_id, workspace_id, provider, name, is_default, created_at)
      select 'ep_crash', id, 'stripe', 'Crash', true, now() from workspaces;
    insert into endpoint_secrets (endpoint_id, workspace_id, no, sealed, hint, not_before, created_at)
      select id, workspace_id, 1, '${SECRET}', '6789', '2020-01-01', now() from endpoints`);
  return {
    cluster,
    admin,
    close: async () => {
      await admin.end();
      await cluster.remove();
    },
  };
}

export interface Child {
  readonly port: number;
  readonly pid: number;
  kill(signal: NodeJS.Signals): Promise<void>;
  readonly exited: () => boolean;
}

export async function startChild(
  entry: "intake-entry.ts" | "worker-entry.ts",
  config: ChildConfig,
): Promise<Child> {
  const child = spawn(
    process.execPath,
    ["--no-warnings", fileURLToPath(new URL(entry, import.meta.url)), JSON.stringify(config)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const port = await readyLine(child);
  return {
    port,
    pid: child.pid ?? 0,
    exited: () => child.exitCode !== null || child.signalCode !== null,
    kill: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, "exit");
        child.kill(signal);
        if (signal !== "SIGSTOP" && signal !== "SIGCONT") {
          await gone;
        }
      }
    },
  };
}

function readyLine(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const line = /\{"port":(\d+)\}/.exec(text);
      if (line !== null) {
        resolve(Number(line[1]));
      }
    });
    child.once("exit", (code) => {
      reject(new Error(`A child ended with ${String(code)} before it was ready.`));
    });
  });
}

export function eventBody(id: string, key: string, type = "invoice.paid"): Buffer {
  return Buffer.from(
    JSON.stringify({
      id,
      object: "event",
      api_version: "2026-08-27.clover",
      created: 1_760_000_000,
      livemode: false,
      pending_webhooks: 1,
      type,
      data: {
        object: {
          id: `in_${id}`,
          object: "invoice",
          customer: key,
          status: "paid",
          filler: "x".repeat(1500),
        },
      },
    }),
  );
}

/** Posts one event; the status, or 0 where the connection failed. */
export function post(port: number, body: Buffer): Promise<number> {
  const timestamp = Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);
  const mac = createHmac("sha256", SECRET)
    .update(`${String(timestamp)}.`)
    .update(body)
    .digest("hex");
  return new Promise((resolve) => {
    const sent = request(
      {
        port,
        host: "127.0.0.1",
        method: "POST",
        path: "/api/webhooks/stripe",
        timeout: 5_000,
        headers: {
          "content-type": "application/json",
          "content-length": body.length,
          "stripe-signature": `t=${String(timestamp)},v1=${mac}`,
        },
      },
      (answer) => {
        answer.resume();
        answer.on("end", () => {
          resolve(answer.statusCode ?? 0);
        });
        answer.on("error", () => {
          resolve(0);
        });
      },
    );
    sent.on("error", () => {
      resolve(0);
    });
    sent.on("timeout", () => {
      sent.destroy();
    });
    sent.end(body);
  });
}

export interface Load {
  readonly acknowledged: ReadonlySet<string>;
  readonly offered: () => number;
  readonly slowestMs: () => number;
  stop(): Promise<void>;
}

/** Senders that behave as a provider does: an event is sent again until it is answered with 200. */
export function startLoad(options: {
  readonly port: number;
  readonly senders: number;
  readonly tag: string;
  readonly keys: number;
  readonly pauseMs?: number;
}): Load {
  const acknowledged = new Set<string>();
  let offered = 0;
  let slowest = 0;
  const ending = new AbortController();
  const sender = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const n = (offered += 1);
      const id = `evt_${options.tag}_${String(n)}`;
      const body = eventBody(id, `cus_${String(n % options.keys)}`);
      for (let tries = 0; !ending.signal.aborted || tries === 0; tries += 1) {
        const startedMs = performance.now();
        const status = await post(options.port, body);
        if (status === 200) {
          slowest = Math.max(slowest, performance.now() - startedMs);
          acknowledged.add(id);
          break;
        }
        await sleep(20);
      }
      if (options.pauseMs !== undefined) {
        await sleep(options.pauseMs);
      }
    }
  };
  const senders = Array.from({ length: options.senders }, sender);
  return {
    acknowledged,
    offered: () => offered,
    slowestMs: () => slowest,
    stop: async () => {
      ending.abort();
      await Promise.all(senders);
    },
  };
}

/** Asks until it is so; fails with the last answer when it takes too long. */
export async function until<T>(
  ask: () => Promise<T>,
  isSo: (answer: T) => boolean,
  withinMs: number,
): Promise<T> {
  const endMs = performance.now() + withinMs;
  for (;;) {
    const answer = await ask().catch(() => null);
    if (answer !== null && isSo(answer)) {
      return answer;
    }
    if (performance.now() > endMs) {
      throw new Error(
        `Not so within ${String(withinMs)} ms; the last answer: ${JSON.stringify(answer)}`,
      );
    }
    await sleep(100);
  }
}

export interface Account {
  readonly stored: number;
  readonly lost: readonly string[];
  readonly unapplied: readonly string[];
  readonly doubled: number;
  readonly pending: number;
}

/** Every acknowledged id accounted for: stored once, its effect there exactly once. */
export async function settle(admin: pg.Pool, acknowledged: ReadonlySet<string>): Promise<Account> {
  const stored = await admin.query<{ external_id: string }>("select external_id from inbox_events");
  const effects = await admin.query<{ external_id: string; n: number }>(
    "select external_id, count(*)::int as n from crash_effects group by 1",
  );
  const pending = await admin.query<{ n: number }>("select count(*)::int as n from inbox_work");
  const inInbox = new Set(stored.rows.map((row) => row.external_id));
  const inEffects = new Set(effects.rows.map((row) => row.external_id));
  return {
    stored: inInbox.size,
    lost: [...acknowledged].filter((id) => !inInbox.has(id)),
    unapplied: [...acknowledged].filter((id) => !inEffects.has(id)),
    doubled: effects.rows.filter((row) => row.n > 1).length,
    pending: pending.rows[0]?.n ?? 0,
  };
}
