/**
 * 64 callers that ask again as soon as they are answered, in a process of its own.
 * node quota-callers.ts <engine|update|redis> <url or port> <workspace> <organization>
 * Over IPC: {seconds} answers {perSecond, p50, p99, granted}.
 */
import { type Socket, connect } from "node:net";

import { openQuotaEngine } from "../../server/src/domains/quotas/engine.ts";
import { systemClock } from "../../server/src/platform/clock.ts";
import { openPool } from "../../server/src/platform/db/pool.ts";

const CALLERS = 64;
const [mode = "", where = "", workspace = "1", organization = ""] = process.argv.slice(2);
const workspaceId = Number(workspace);

type Ask = (caller: number) => Promise<boolean>;

function onError(error: Error): void {
  process.stderr.write(`${error.message}\n`);
}

function engineCaller(): Ask {
  const pool = openPool({
    url: where,
    role: "purser_app",
    max: 4,
    applicationName: "bench",
    onError,
  });
  const engine = openQuotaEngine({ pool, clock: systemClock });
  return async () => {
    const outcome = await engine.use({
      workspaceId,
      organizationId: organization,
      dimension: "api_calls",
      amount: 1,
      key: null,
    });
    return outcome.kind === "answered" && outcome.answer.rule === null;
  };
}

async function updateCaller(): Promise<Ask> {
  const pool = openPool({
    url: where,
    role: "purser_app",
    max: CALLERS,
    applicationName: "bench",
    onError,
  });
  const clients = await Promise.all(Array.from({ length: CALLERS }, () => pool.connect()));
  for (const client of clients) {
    // The workspace for life: the peer shall pay for nothing but its UPDATE.
    await client.query("select set_config('purser.workspaces', $1, false)", [`{${workspaceId}}`]);
  }
  return async (caller) => {
    const result = await clients[caller]?.query({
      name: "plain",
      text: `update usage_quotas set current_usage = current_usage + 1
        where organization_id = $1 and dimension = 'api_calls' and current_usage + 1 <= quota_limit returning current_usage`,
      values: [organization],
    });
    return result?.rowCount === 1;
  };
}

async function redisCaller(): Promise<Ask> {
  const command = Buffer.from("*2\r\n$4\r\nINCR\r\n$3\r\nhot\r\n");
  const sockets = await Promise.all(
    Array.from(
      { length: CALLERS },
      () =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect(Number(where), "127.0.0.1", () => {
            socket.setNoDelay(true);
            resolve(socket);
          });
          socket.once("error", reject);
        }),
    ),
  );
  return (caller) =>
    new Promise((resolve) => {
      const socket = sockets[caller];
      socket?.once("data", (answer: Buffer) => {
        resolve(answer[0] === 0x3a);
      });
      socket?.write(command);
    });
}

async function round(ask: Ask, seconds: number): Promise<object> {
  const begun = performance.now();
  const until = begun + seconds * 1000;
  const lags: number[] = [];
  let granted = 0;
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let asked = performance.now(); asked < until;) {
        const passed = await ask(caller);
        granted += passed ? 1 : 0;
        const now = performance.now();
        lags.push(now - asked);
        asked = now;
      }
    }),
  );
  const tookS = (performance.now() - begun) / 1000;
  const sorted = Float64Array.from(lags).toSorted();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { perSecond: lags.length / tookS, p50: at(0.5), p99: at(0.99), granted };
}

const asking =
  mode === "engine"
    ? Promise.resolve(engineCaller())
    : mode === "update"
      ? updateCaller()
      : redisCaller();
process.on("message", (message: unknown) => {
  const seconds =
    typeof message === "object" && message !== null && "seconds" in message
      ? Number(message.seconds)
      : 1;
  void asking
    .then((ask) => round(ask, seconds))
    .then(
      (result) => process.send?.(result),
      (error: unknown) => process.send?.({ error: String(error) }),
    );
});
process.on("disconnect", () => process.exit(0));
