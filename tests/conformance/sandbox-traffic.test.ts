import { createHash } from "node:crypto";
import { type Server, createServer } from "node:http";

import Stripe from "stripe";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Sandbox, startSandbox } from "../../sandbox/src/start.ts";
import { applyFetched } from "../../server/src/domains/billing/fetched.commands.ts";
import { refetchObject } from "../../server/src/domains/billing/jobs.ts";
import type { Fate, InboxEvent } from "../../server/src/domains/inbox/ports.ts";
import { fromUnixSeconds, systemClock } from "../../server/src/platform/clock.ts";
import { inTx } from "../../server/src/platform/db/tx.ts";
import { openStripe } from "../../server/src/providers/stripe/client.ts";
import { stripeProjector } from "../../server/src/providers/stripe/projector.ts";
import { type Kit, NOW, openKit } from "./projection-kit.ts";

const KEY = "sk_test_conformance_0000";
const DAY_MS = 86_400_000;

let kit: Kit;
let sandbox: Sandbox;
let receiver: Server;
let stripe: Stripe;
/** Bodies as delivered, by the path of the endpoint. */
const delivered = new Map<string, Buffer[]>([
  ["/basil", []],
  ["/classic", []],
]);

beforeAll(async () => {
  kit = await openKit();
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      delivered.get(request.url ?? "")?.push(Buffer.concat(chunks));
      response.end("ok");
    });
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, "127.0.0.1", resolve);
  });
  const address = receiver.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  sandbox = await startSandbox({ seed: 7 });
  stripe = new Stripe(KEY, {
    host: "127.0.0.1",
    port: sandbox.stripePort,
    protocol: "http",
    telemetry: false,
  });
  sandbox.addEndpoint({ url: `http://127.0.0.1:${port}/basil` });
  sandbox.addEndpoint({ url: `http://127.0.0.1:${port}/classic`, apiVersion: "2024-06-20" });
  sandbox.setFaults({ webhooks: { tieSeconds: 30 } });
  sandbox.scenarios.prepareDemo(25);
  for (let day = 0; day < 40; day += 1) {
    sandbox.advance(DAY_MS);
  }
  await sandbox.delivery.idle();
}, 120_000);

afterAll(async () => {
  await sandbox.stop();
  await new Promise((resolve) => {
    receiver.close(resolve);
  });
  await kit.end();
});

interface Parsed {
  readonly id: string;
  readonly type: string;
  readonly created: number;
}

function inboxEvent(body: Buffer, index: number, workspaceId: number): InboxEvent {
  const event: Parsed = JSON.parse(body.toString("utf8"));
  return {
    id: BigInt(index + 1),
    workspaceId,
    endpointId: 1,
    externalId: event.id,
    eventType: event.type,
    okey: "stripe:all",
    occurredAt: fromUnixSeconds(event.created),
    receivedAt: NOW,
    body,
    attempts: 0,
    replay: false,
  };
}

/** The same order in every run, and no order at all. */
function shuffled(bodies: readonly Buffer[]): Buffer[] {
  return bodies
    .map((body) => ({ body, key: createHash("sha256").update(body).digest("hex") }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ body }) => body);
}

async function projectAll(bodies: readonly Buffer[], workspaceId: number): Promise<Fate[]> {
  const events = bodies.map((body, index) => inboxEvent(body, index, workspaceId));
  const ends: Fate[] = [];
  let open = events;
  for (let round = 0; round < 3 && open.length > 0; round += 1) {
    const waiting: InboxEvent[] = [];
    for (let from = 0; from < open.length; from += 200) {
      const batch = open.slice(from, from + 200);
      const fates = await inTx(kit.pool, [workspaceId], (tx) =>
        stripeProjector.apply(kit.ctxOf(tx, NOW), batch),
      );
      ends.push(...fates.filter((fate) => fate.kind !== "waiting"));
      waiting.push(...batch.filter((_, index) => fates[index]?.kind === "waiting"));
    }
    open = waiting;
  }
  expect(open.map((event) => event.eventType)).toEqual([]);
  return ends;
}

/** Works off every question that the projection asked. */
async function answerQuestions(workspaceId: number): Promise<number> {
  const provider = openStripe({ apiKey: KEY, apiBase: sandbox.stripeUrl, clock: systemClock });
  const asked = new Map(
    kit.enqueued
      .splice(0)
      .filter((job) => job.name === refetchObject.name)
      .map((job) => [job.key, refetchObject.payload.parse(job.payload)]),
  );
  for (const { kind, id, atLeastSeconds } of asked.values()) {
    const answer = await provider.fetch(kind, id);
    if (answer.kind !== "done") {
      throw new Error(`${id}: ${answer.message}`);
    }
    const { value, answeredAtSeconds } = answer;
    if (value !== null) {
      await inTx(kit.pool, [workspaceId], (tx) =>
        applyFetched(
          {
            ...kit.ctxOf(tx, NOW),
            actor: { kind: "system", job: refetchObject.name },
            workspace: { id: workspaceId, publicId: "ws", slug: "ws" },
            requestId: "req",
            ticket: null,
            audit: () => Promise.resolve(),
          },
          value,
          { atLeastSeconds, answeredAtSeconds },
        ),
      );
    }
  }
  return asked.size;
}

describe.each([["basil"], ["classic"]] as const)(
  "forty days of the sandbox, to an endpoint of the %s version",
  (generation) => {
    let workspaceId: number;
    let fates: Fate[];
    let asked: number;
    beforeAll(async () => {
      workspaceId = generation === "basil" ? kit.workspaceId : kit.otherWorkspaceId;
      fates = await projectAll(shuffled(delivered.get(`/${generation}`) ?? []), workspaceId);
      asked = await answerQuestions(workspaceId);
    }, 60_000);

    it("is read whole: nothing in quarantine, every event with its end", () => {
      expect(fates.length).toBe(delivered.get(`/${generation}`)?.length);
      expect(fates.length).toBeGreaterThan(300);
      expect(fates.filter((fate) => fate.kind === "quarantined")).toEqual([]);
      process.stdout.write(
        `${generation}: ${fates.length} events, ${asked} questions to the provider\n`,
      );
    });

    it("ends in the provider's subscriptions, though it came in no order and in seconds of thirty", async () => {
      const theirs: string[] = [];
      for await (const each of stripe.subscriptions.list({ status: "all", limit: 100 })) {
        theirs.push(
          `${each.id} ${each.status} ${each.cancel_at_period_end} ${each.items.data[0]?.current_period_end} ${each.items.data[0]?.price.id}`,
        );
      }
      const ours = await kit.superuser.query<{ line: string }>(
        `select stripe_subscription_id || ' ' || status || ' ' || cancel_at_period_end::text || ' ' || extract(epoch from current_period_end)::int8
              || ' ' || (snapshot::jsonb #>> '{items,0,price}') as line from subscriptions where workspace_id = $1`,
        [workspaceId],
      );
      expect(ours.rows.map((row) => row.line).toSorted(byText)).toEqual(theirs.toSorted(byText));
      expect(theirs.length).toBeGreaterThan(10);
    });

    it("ends in the provider's invoices", async () => {
      const theirs: string[] = [];
      for await (const each of stripe.invoices.list({ limit: 100 })) {
        theirs.push(`${each.id} ${each.status} ${each.amount_paid} ${each.attempt_count}`);
      }
      const ours = await kit.superuser.query<{ line: string }>(
        "select stripe_invoice_id || ' ' || status || ' ' || amount_paid_cents || ' ' || attempt_count as line from invoices where workspace_id = $1 and status <> 'deleted'",
        [workspaceId],
      );
      expect(ours.rows.map((row) => row.line).toSorted(byText)).toEqual(theirs.toSorted(byText));
    });

    it("ends in the provider's charges and refunds, to the cent", async () => {
      let charged = 0;
      let refunded = 0;
      for await (const each of stripe.charges.list({ limit: 100 })) {
        charged += each.status === "succeeded" ? each.amount : 0;
      }
      for await (const each of stripe.refunds.list({ limit: 100 })) {
        refunded += each.status === "succeeded" ? each.amount : 0;
      }
      const ours = await kit.superuser.query<{ charged: number; refunded: number }>(
        `select (select coalesce(sum(amount_cents), 0)::int8 from payments where workspace_id = $1 and status = 'succeeded') as charged,
              (select coalesce(sum(amount_cents), 0)::int8 from refunds where workspace_id = $1 and status = 'succeeded') as refunded`,
        [workspaceId],
      );
      expect(ours.rows[0]).toEqual({ charged, refunded });
    });

    it("gives every live customer its tier", async () => {
      const wrong = await kit.superuser.query(
        `select o.id from organizations o where o.workspace_id = $1
          and (o.plan_tier = 'free') = exists (select from subscriptions s where s.organization_id = o.id and s.status in ('trialing', 'active', 'past_due'))`,
        [workspaceId],
      );
      expect(wrong.rows).toEqual([]);
    });
  },
);

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
