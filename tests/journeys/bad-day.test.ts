import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { afterAll, beforeAll, expect, test } from "vitest";

import { systemClock } from "../../server/src/platform/clock.ts";
import {
  at,
  makeCustomer,
  makePlace,
  makePrice,
  type Place,
  type Product,
  startProduct,
  until,
} from "./product.ts";

let place: Place;
let product: Product;

beforeAll(async () => {
  place = await makePlace();
  product = await startProduct(place);
});

afterAll(async () => {
  await product.remove();
});

interface Sent {
  readonly id: string;
  readonly status: number;
}

/** Webhooks of its own making, signed as Stripe signs, one after another on several connections, until told to stop. */
function load(connections: number): { readonly sent: Sent[]; stop(): Promise<void> } {
  const secret = `whsec_${readFileSync(join(place.data, "keys", "sandbox-webhook-secret"), "utf8").trim()}`;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const sent: Sent[] = [];
  const life = { going: true };
  const run = async (line: number): Promise<void> => {
    for (let no = 0; life.going; no += 1) {
      const id = `evt_load_${line}_${no}_${sent.length}`;
      sent.push({ id, status: await post(agent, secret, id, `cus_load_${line}`) });
      await pause(10);
    }
  };
  const lines = Promise.all(Array.from({ length: connections }, (_, line) => run(line)));
  return {
    sent,
    stop: async () => {
      life.going = false;
      await lines;
      agent.destroy();
    },
  };
}

function post(agent: Agent, secret: string, id: string, customer: string): Promise<number> {
  const seconds = Math.floor(systemClock.now().getTime() / 1000);
  const body = JSON.stringify({
    id,
    object: "event",
    api_version: "2026-10-28.endive",
    created: seconds,
    livemode: false,
    pending_webhooks: 1,
    request: null,
    type: "customer.updated",
    data: { object: { id: customer, object: "customer", created: seconds, email: null, name: id } },
  });
  const signature = createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
  return new Promise((done) => {
    const outgoing = request(
      `${product.base}/api/webhooks/stripe`,
      {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/json",
          "stripe-signature": `t=${seconds},v1=${signature}`,
        },
      },
      (answer) => {
        answer.resume();
        answer.once("end", () => {
          done(answer.statusCode ?? 0);
        });
      },
    );
    outgoing.once("error", () => {
      done(0);
    });
    outgoing.end(body);
  });
}

/** Every acknowledged event is there once, and worked off. */
async function accountedFor(sent: readonly Sent[]): Promise<void> {
  const wanted = sent.filter((each) => each.status === 200).map((each) => each.id);
  await until(
    "every acknowledged webhook is there and has its fate",
    async () => {
      const rows = await product.sql<{ external_id: string; fates: number }>(
        `select e.external_id, count(o.event_id)::int as fates from inbox_events e
           left join inbox_outcomes o on o.event_id = e.id
          where e.external_id = any ($1) group by e.id, e.external_id`,
        [wanted],
      );
      const known = new Map(rows.map((row) => [row.external_id, row.fates]));
      expect(rows).toHaveLength(known.size);
      const missing = wanted.filter((id) => known.get(id) !== 1);
      if (missing.length > 0) {
        throw new Error(`${missing.length} of ${wanted.length}, such as ${missing[0]}`);
      }
      return true;
    },
    45_000,
  );
}

function postmaster(): number {
  const folder = join(place.data, "postgres");
  const file = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((name) =>
    name.endsWith("postmaster.pid"),
  );
  return Number(readFileSync(join(folder, file ?? ""), "utf8").split("\n")[0]);
}

test("Postgres killed and held for a while under load: every webhook is answered 200, all are there, none twice", async () => {
  const traffic = load(4);
  await until("traffic flows", () => traffic.sent.length > 100);
  process.kill(postmaster(), "SIGKILL");
  const killedAt = traffic.sent.length;
  await until("traffic went on through the kill", () => traffic.sent.length > killedAt + 100);
  const again = await until("Postgres is back", async () => {
    const rows = await product.sql<{ pid: number }>("select pg_backend_pid() as pid");
    return rows.length === 1 && postmaster();
  });
  // Stopped: it neither answers nor refuses, the worst way to be gone.
  const stopped = [again, ...childrenOf(again)];
  for (const pid of stopped) {
    signal(pid, "SIGSTOP");
  }
  const heldAt = traffic.sent.length;
  try {
    await until("traffic went on while it was held", () => traffic.sent.length > heldAt + 100);
    // Long enough for every pool and every statement's patience to be tried.
    await pause(3_000);
  } finally {
    for (const pid of stopped) {
      signal(pid, "SIGCONT");
    }
  }
  await traffic.stop();
  const refused = traffic.sent.filter((each) => each.status !== 200);
  expect(refused).toEqual([]);
  await accountedFor(traffic.sent);
});

test("a worker that is killed is replaced, and the product goes on", async () => {
  const worker = childrenOf(product.child.pid ?? 0).find((pid) =>
    commandOf(pid).includes(" work "),
  );
  expect(worker).toBeDefined();
  const traffic = load(2);
  await until("traffic flows", () => traffic.sent.length > 30);
  process.kill(worker ?? 0, "SIGKILL");
  await until("the start says so", () => product.said().includes("worker is back"));
  await traffic.stop();
  await accountedFor(traffic.sent);
});

test("a start that is killed leaves nobody behind but Postgres; the next one takes over and goes on", async () => {
  const pro = await makePrice(product.stripe, "pro", 4900);
  const customer = await makeCustomer(product.stripe, "before@crash.test");
  const { id } = await product.stripe.subscriptions.create({ customer, items: [{ price: pro }] });
  await until("it is recorded", async () => {
    const rows = await product.sql(
      "select from subscriptions where stripe_subscription_id = $1 and status = 'active'",
      [id],
    );
    return rows.length === 1;
  });
  const traffic = load(2);
  await until("traffic flows", () => traffic.sent.length > 50);
  // The sandbox saves on its own end, which the death of its parent brings about.
  const orphans = childrenOf(product.child.pid ?? 0).filter((pid) => pid !== postmaster());
  expect(orphans).toHaveLength(2);
  product.child.kill("SIGKILL");
  await product.ended;
  await traffic.stop();
  const before = postmaster();

  const began = performance.now();
  product = await startProduct(place);
  expect(performance.now() - began).toBeLessThan(40_000);
  expect(postmaster()).toBe(before);
  expect(product.said()).toContain("Took over the Postgres");
  await until("the orphans have ended", () => orphans.every((pid) => commandOf(pid) === ""));
  await accountedFor(traffic.sent);

  // The provider knows its customer still, and the record follows it.
  await product.stripe.subscriptions.cancel(id);
  await until("the cancellation arrives", async () => {
    const rows = await product.sql(
      "select from subscriptions where stripe_subscription_id = $1 and status = 'canceled'",
      [id],
    );
    return rows.length === 1;
  });
});

test("Ctrl-C ends every process that was started, and the second start knows the same customers", async () => {
  const everybody = [...familyOf(product.child.pid ?? 0), postmaster()];
  expect(everybody.length).toBeGreaterThanOrEqual(4);
  const before = await product.controlCall("GET", "/state");
  const code = await product.stop("SIGINT");
  expect(code).toBe(0);
  expect(everybody.filter((pid) => commandOf(pid) !== "")).toEqual([]);

  product = await startProduct(place);
  const after = await product.controlCall("GET", "/state");
  expect(at(after, "counts.customers")).toBe(at(before, "counts.customers"));
  expect(at(after, "counts.webhookEndpoints")).toBe(1);
  expect(Number(at(after, "counts.subscriptions"))).toBeGreaterThan(0);
  const told = await product.api("GET", "/api/subscriptions?limit=10");
  expect(JSON.stringify(told.body)).toContain("canceled");
});

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

/** From /proc: the tests must not need a ps. */
function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent);
}

function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}

/** Empty when there is no such process, or only what is left of one. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
