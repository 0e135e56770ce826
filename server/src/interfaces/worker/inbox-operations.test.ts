import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { z } from "zod";

import {
  endpointsDiagnose,
  endpointsList,
  endpointsRotateSecret,
  inboxBacklog,
  inboxConflictsList,
  inboxControlsList,
  inboxControlsSet,
  inboxList,
  inboxRejectedList,
  inboxReplay,
  inboxShow,
  inboxWait,
} from "#domains/inbox/contract.ts";
import { ensureEndpoint } from "#domains/inbox/endpoint.commands.ts";
import { inboxOperations } from "#domains/inbox/operations.ts";
import type { AuditEntry, Ctx } from "#platform/context.ts";
import { openPool } from "#platform/db/pool.ts";
import { inTx } from "#platform/db/tx.ts";
import type { Run } from "#platform/operation/bound.ts";
import type { Operation } from "#platform/operation/operation.ts";

import { openTestInbox, postStripe, STRIPE_SECRET, stripeBody, type TestInbox } from "./testing.ts";

const secrets = { seal: (plain: string) => plain, open: (sealed: string) => sealed };
const operations = inboxOperations({ secrets, changesOf: () => Promise.resolve([]) });
const audited: AuditEntry[] = [];

let inbox: TestInbox;
let run: Run;
let runAsTenant: Run;
beforeAll(async () => {
  inbox = await openTestInbox();
  // As the console does it: with the role of the application, seeing one workspace.
  const pool = openPool({
    url: inbox.serviceUrl,
    role: "purser_app",
    max: 2,
    applicationName: "app",
    onError: () => undefined,
  });
  afterAll(() => pool.end());
  const runIn = async (slug: string): Promise<Run> => {
    const [workspace] = await inbox.rows<{ id: number }>(
      "select id from workspaces where slug = $1",
      [slug],
    );
    const id = workspace?.id ?? 0;
    return (work) =>
      inTx(pool, [id], (tx) => {
        const ctx: Ctx = {
          now: inbox.clock.now(),
          tx,
          actor: { kind: "system", job: "test" },
          workspace: { id, publicId: `ws_${slug}`, slug },
          requestId: "r",
          ticket: null,
          audit: (entry) => {
            audited.push(entry);
            return Promise.resolve();
          },
          announce: () => Promise.resolve(),
          enqueue: () => Promise.resolve(),
        };
        return work(ctx);
      });
  };
  run = await runIn("one");
  runAsTenant = await runIn("two");
  for (const body of [
    stripeBody({ id: "evt_1" }),
    stripeBody({ id: "evt_2", type: "customer.updated" }),
    stripeBody({ id: "evt_2", type: "customer.updated", extra: 1 }),
    Buffer.from("{}"),
  ]) {
    await postStripe(inbox, body);
  }
  await postStripe(inbox, stripeBody({ id: "evt_other" }), { endpoint: "ep_two" });
  await postStripe(inbox, stripeBody({ id: "evt_bad" }), { secret: "whsec_of_somebody_else" });
});

async function ask<I extends z.ZodType, O extends z.ZodType>(
  operation: Operation<I, O>,
  input: z.input<I>,
  as: Run = run,
): Promise<z.output<O>> {
  const bound = operations.find((one) => one.operation.name === operation.name);
  return operation.output.parse(await bound?.execute(as, operation.input.parse(input), null));
}

describe("what people see of the inbox", () => {
  test("every operation of the contract is bound", () => {
    expect(operations.map((bound) => bound.operation.name).toSorted()).toEqual(
      [
        endpointsDiagnose,
        endpointsList,
        endpointsRotateSecret,
        inboxBacklog,
        inboxConflictsList,
        inboxControlsList,
        inboxControlsSet,
        inboxList,
        inboxRejectedList,
        inboxReplay,
        inboxShow,
        inboxWait,
      ]
        .map((operation) => operation.name)
        .toSorted(),
    );
  });

  test("the list shows this workspace's events, newest first, in pages, through each filter", async () => {
    const all = await ask(inboxList, {});
    expect(all.items.map((item) => `${item.externalId.slice(0, 5)} ${item.state}`)).toEqual([
      "body_ dead",
      "evt_2 ready",
      "evt_1 ready",
    ]);
    expect(all.items.map((item) => item.endpointName)).toEqual(["Stripe", "Stripe", "Stripe"]);
    const first = await ask(inboxList, { limit: 1 });
    const second = await ask(inboxList, { limit: 1, cursor: first.nextCursor ?? undefined });
    expect(second.items.map((item) => item.externalId)).toEqual(["evt_2"]);
    const found = async (input: z.input<typeof inboxList.input>): Promise<number> =>
      (await ask(inboxList, input)).items.length;
    expect(await found({ state: "ready" })).toBe(2);
    expect(await found({ state: "dead" })).toBe(1);
    expect(await found({ state: "waiting" })).toBe(0);
    expect(await found({ type: "customer.*" })).toBe(1);
    expect(await found({ type: "customer_*" })).toBe(0);
    expect(await found({ lane: 1 })).toBe(1);
    expect(await found({ key: "cus_1" })).toBe(2);
    expect(await found({ externalId: "evt_1" })).toBe(1);
    expect(await found({ externalId: "evt_other" })).toBe(0);
    expect(await found({ provider: "paddle" })).toBe(0);
    expect(await found({ since: "2026-11-21T10:00:01Z" })).toBe(0);
    expect(await found({ after: all.items[1]?.id })).toBe(1);
  });

  test("an event's page has its bytes; another workspace's has none", async () => {
    const event = await ask(inboxShow, { id: "evt_2" });
    expect(event).toMatchObject({
      body: stripeBody({ id: "evt_2", type: "customer.updated" }).toString(),
      conflicts: 1,
      // The id alone told nobody which of several endpoints it came through.
      endpoint: "ep_stripe",
      endpointName: "Stripe",
      headers: { "signed with secret": "1" },
    });
    expect((await ask(inboxShow, { id: event.id })).externalId).toBe("evt_2");
    await expect(ask(inboxShow, { id: "evt_other" })).rejects.toMatchObject({
      spec: { status: 404 },
    });
  });

  test("backlog, wait, conflicts, refusals and endpoints answer", async () => {
    expect(await ask(inboxBacklog, {})).toMatchObject({
      depth: 2,
      held: 0,
      oldestAgeS: expect.any(Number),
    });
    expect(await ask(inboxWait, {})).toMatchObject({ pending: 2, done: false });
    expect(await ask(inboxWait, { externalId: "evt_1" })).toMatchObject({ pending: 1 });
    expect((await ask(inboxConflictsList, {})).items).toMatchObject([{ externalId: "evt_2" }]);
    await expect
      .poll(async () => (await ask(inboxRejectedList, {})).items.map((item) => item.refusal), {
        timeout: 5_000,
      })
      .toEqual(["wrong_secret"]);
    expect((await ask(endpointsList, {})).items.map((item) => item.id).toSorted()).toEqual([
      "ep_live",
      "ep_paddle",
      "ep_stripe",
      "ep_twilio",
    ]);
    expect(await ask(endpointsDiagnose, { id: "ep_stripe" })).toMatchObject({
      refusedLastHour: 1,
      verdict: expect.stringContaining("signing secret"),
    });
  });

  test("a valve is turned, told and audited; the rest stay as they are", async () => {
    const turned = await ask(inboxControlsSet, {
      provider: "stripe",
      lane: 5,
      paused: true,
      ratePerS: 10,
    });
    expect(turned).toMatchObject({ paused: true, ratePerS: 10, maxConcurrency: null });
    expect(
      await ask(inboxControlsSet, { provider: "stripe", lane: 5, paused: false }),
    ).toMatchObject({ paused: false, ratePerS: 10 });
    expect((await ask(inboxControlsList, {})).items).toHaveLength(12);
    expect(audited.map((entry) => entry.action)).toContain("inbox.control_changed");
  });

  test("a tenant turns no valve, and sees neither names nor rates of others (it paused another's money)", async () => {
    const before = audited.length;
    await expect(
      ask(inboxControlsSet, { provider: "stripe", lane: 1, paused: true }, runAsTenant),
    ).rejects.toMatchObject({ spec: { code: "inbox/installation-only", status: 403 } });
    expect(audited).toHaveLength(before);
    expect(
      await inbox.rows("select from inbox_controls where provider = 1 and lane = 1 and paused"),
    ).toEqual([]);
    expect(
      (await ask(inboxControlsList, {}, runAsTenant)).items.flatMap((item) => item.updatedBy ?? []),
    ).toEqual(["the installation"]);

    await inbox.opened.intake.figures.flush();
    const ours = await ask(inboxBacklog, {});
    const theirs = await ask(inboxBacklog, {}, runAsTenant);
    expect(ours.intakes.map(({ id }) => id)).toEqual(["intake-test"]);
    expect(theirs.intakes.map(({ id }) => id)).toEqual(["intake 1"]);
    const counted = await inbox.rows<{ slug: string; arrived: number }>(
      "select w.slug, sum(r.arrived)::int as arrived from inbox_rates r join workspaces w on w.id = r.workspace_id group by 1 order by 1",
    );
    expect(counted).toEqual([
      { slug: "one", arrived: 4 },
      { slug: "two", arrived: 1 },
    ]);
    expect(theirs.arrivalPerS).toBeLessThan(ours.arrivalPerS);
  });

  test("a replay of nothing in particular is refused, of the dead puts it back to work", async () => {
    await expect(ask(inboxReplay, {})).rejects.toMatchObject({
      spec: { code: "inbox/empty-replay" },
    });
    expect(await ask(inboxReplay, { failed: true })).toMatchObject({ replayed: 1, bulk: false });
    expect(await ask(inboxReplay, { failed: true })).toMatchObject({ replayed: 0 });
  });

  test("a rotated secret counts at once, the old one until the overlap ends", async () => {
    await ask(endpointsRotateSecret, {
      id: "ep_stripe",
      secret: "whsec_brand_new_secret",
      overlapHours: 1,
    });
    await expect
      .poll(
        () =>
          postStripe(inbox, stripeBody({ id: "evt_new_secret" }), {
            secret: "whsec_brand_new_secret",
          }),
        { timeout: 5_000 },
      )
      .toBe(200);
    expect(await postStripe(inbox, stripeBody({ id: "evt_still_old" }))).toBe(200);
    inbox.clock.advanceMs(3_601_000);
    expect(await postStripe(inbox, stripeBody({ id: "evt_now_old" }))).toBe(400);
  });

  test("an endpoint is made once, and taught a secret once", async () => {
    const wanted = {
      provider: "stripe" as const,
      name: "Made",
      secrets: [STRIPE_SECRET],
      isDefault: false,
      livemode: null,
      publicUrl: null,
    };
    const first = await run((ctx) => ensureEndpoint(ctx, secrets, wanted));
    const second = await run((ctx) => ensureEndpoint(ctx, secrets, wanted));
    expect([first.made, second.made, second.publicId === first.publicId]).toEqual([
      true,
      false,
      true,
    ]);
    expect(
      (await ask(endpointsList, {})).items.find((item) => item.name === "Made")?.secrets,
    ).toHaveLength(1);
  });
});
