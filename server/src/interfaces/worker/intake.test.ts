import { createHmac } from "node:crypto";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";

import twilio from "twilio";
import { beforeAll, describe, expect, test } from "vitest";

import { unpackSegment } from "#domains/inbox/segment-cache.ts";

import {
  openTestInbox,
  PADDLE_SECRET,
  postStripe,
  STRIPE_OLD_SECRET,
  stripeBody,
  stripeHeaders,
  type TestInbox,
  TWILIO_TOKEN,
  TWILIO_URL,
} from "./testing.ts";

let inbox: TestInbox;
beforeAll(async () => {
  inbox = await openTestInbox();
});

async function events(externalId: string) {
  return inbox.rows<{
    id: number;
    lane: number;
    okey: string;
    workspace_id: number;
    secret_no: number;
    segment_id: number;
    body_offset: number;
    body_length: number;
  }>("select * from inbox_events where external_id = $1 order by id", [externalId]);
}

async function send(
  path: string,
  init: { readonly headers: Record<string, string>; readonly body: Buffer },
): Promise<{ status: number; text: string; type: string }> {
  const answer = await fetch(`http://127.0.0.1:${String(inbox.port)}${path}`, {
    method: "POST",
    headers: init.headers,
    body: new Uint8Array(init.body),
  });
  return {
    status: answer.status,
    text: await answer.text(),
    type: answer.headers.get("content-type") ?? "",
  };
}

/** Bytes as given, and what comes back until the server closes. */
function raw(bytes: readonly (string | Buffer)[], end: boolean): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(inbox.port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (!end) {
        socket.destroy();
        resolve(text);
      }
    });
    socket.on("close", () => {
      resolve(text);
    });
    socket.on("error", () => {
      resolve(text);
    });
    for (const part of bytes) {
      socket.write(part);
    }
    if (end) {
      socket.end();
    }
  });
}

describe("a webhook that is right", () => {
  test("is stored with exactly its bytes before it is answered (F1)", async () => {
    const body = stripeBody({ id: "evt_first", extra: "naïve 🦊 \u0000 \uD800" });
    expect(await postStripe(inbox, body)).toBe(200);
    const [event] = await events("evt_first");
    expect(event).toMatchObject({ lane: 1, okey: "stripe:cus_1", secret_no: 1 });
    const [segment] = await inbox.rows<{ body: Buffer }>(
      "select body from inbox_segments where id = $1",
      [event?.segment_id],
    );
    const from = event?.body_offset ?? 0;
    expect(
      unpackSegment(segment?.body ?? Buffer.alloc(0))
        .subarray(from, from + (event?.body_length ?? 0))
        .equals(body),
    ).toBe(true);
    expect(
      await inbox.rows("select * from inbox_work where event_id = $1", [event?.id]),
    ).toHaveLength(1);
  });

  test("may be signed with the secret that is on its way out, until it is out (F6, F8)", async () => {
    expect(
      await postStripe(inbox, stripeBody({ id: "evt_old_secret" }), { secret: STRIPE_OLD_SECRET }),
    ).toBe(200);
    expect((await events("evt_old_secret"))[0]?.secret_no).toBe(2);
    const now = inbox.clock.now();
    inbox.clock.set(new Date("2026-11-22T00:00:01Z"));
    expect(
      await postStripe(inbox, stripeBody({ id: "evt_too_old_secret" }), {
        secret: STRIPE_OLD_SECRET,
      }),
    ).toBe(400);
    inbox.clock.set(now);
    expect(await events("evt_too_old_secret")).toEqual([]);
  });

  test("of Paddle and of Twilio is taken in too", async () => {
    const body = Buffer.from(
      JSON.stringify({
        event_id: "evt_p1",
        event_type: "transaction.paid",
        occurred_at: "2026-11-21T09:59:00Z",
        data: { id: "txn_1", customer_id: "ctm_1" },
      }),
    );
    const atS = String(inbox.clock.now().getTime() / 1000);
    const mac = createHmac("sha256", PADDLE_SECRET).update(`${atS}:`).update(body).digest("hex");
    expect(
      (
        await send("/api/webhooks/paddle", {
          headers: {
            "content-type": "application/json",
            "paddle-signature": `ts=${atS};h1=${mac}`,
          },
          body,
        })
      ).status,
    ).toBe(200);
    expect((await events("evt_p1"))[0]?.okey).toBe("paddle:ctm_1");

    const params = { MessageSid: "SM1", From: "+15550001", To: "+15550002", Body: "STOP" };
    const signature = twilio.getExpectedTwilioSignature(
      TWILIO_TOKEN,
      `${TWILIO_URL}/sms?from=ivr`,
      params,
    );
    const answer = await send("/api/webhooks/twilio/sms?from=ivr", {
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": signature,
        host: "evil.test",
      },
      body: Buffer.from(new URLSearchParams(params).toString()),
    });
    expect(answer).toMatchObject({
      status: 200,
      type: "text/xml",
      text: expect.stringContaining("<Response>"),
    });
    const [stop] = await inbox.rows<{ lane: number }>(
      "select lane from inbox_events where okey = 'phone:+15550001'",
    );
    expect(stop?.lane).toBe(0);
  });

  test("of an unknown type is taken in: what becomes of it is decided later (F28)", async () => {
    expect(
      await postStripe(inbox, stripeBody({ id: "evt_unknown", type: "quantum.entangled" })),
    ).toBe(200);
    expect(await events("evt_unknown")).toHaveLength(1);
  });

  test("but unreadable is answered 200, kept, and dead with its reason (F13)", async () => {
    const body = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    expect(await postStripe(inbox, body)).toBe(200);
    const dead = await inbox.rows<{ reason: string; processing_result: string }>(
      "select error as reason, processing_result from webhook_events where event_type = 'unparseable'",
    );
    expect(dead).toEqual([{ reason: "The body is not valid UTF-8.", processing_result: "error" }]);
    expect(
      await inbox.rows(
        "select from inbox_work w join inbox_events e on e.id = w.event_id where e.event_type = 'unparseable'",
      ),
    ).toEqual([]);
  });
});

describe("a webhook that is not right", () => {
  test("leaves nothing in the inbox, gets one constant answer, and is told to the operator by its cause (F2 to F5, F30)", async () => {
    const before = await inbox.rows<{ n: number }>("select count(*)::int as n from inbox_events");
    const body = stripeBody({ id: "evt_refused" });
    const good = stripeHeaders(body, inbox.clock);
    const answers = [
      await send("/api/webhooks/stripe", { headers: { "content-type": "application/json" }, body }),
      await send("/api/webhooks/stripe", {
        headers: { ...good, "stripe-signature": "nonsense" },
        body,
      }),
      await send("/api/webhooks/stripe", {
        headers: stripeHeaders(body, inbox.clock, "whsec_somebody_else"),
        body,
      }),
      await send("/api/webhooks/stripe", {
        headers: good,
        body: Buffer.from(JSON.stringify(JSON.parse(body.toString()), null, 2)),
      }),
      await send("/api/webhooks/ep_nobody", { headers: good, body }),
      await send("/api/webhooks/ep_live", { headers: good, body }),
    ];
    inbox.clock.advanceMs(301_000);
    answers.push(await send("/api/webhooks/stripe", { headers: good, body }));
    inbox.clock.advanceMs(-700_000);
    answers.push(await send("/api/webhooks/stripe", { headers: good, body }));
    inbox.clock.advanceMs(399_000);
    expect(
      new Set(answers.map((answer) => `${String(answer.status)} ${answer.type} ${answer.text}`))
        .size,
    ).toBe(1);
    expect(answers[0]).toMatchObject({
      status: 400,
      type: expect.stringContaining("application/problem+json"),
    });
    await expect
      .poll(
        () =>
          inbox
            .rows<{ refusal: string }>("select refusal from inbox_rejected order by refusal")
            .then((rows) => rows.map((row) => row.refusal)),
        { timeout: 5_000 },
      )
      .toEqual(
        expect.arrayContaining([
          "body_changed",
          "header_malformed",
          "header_missing",
          "timestamp_future",
          "timestamp_stale",
          "wrong_mode",
          "wrong_secret",
        ]),
      );
    expect(inbox.refusals.map((refusal) => refusal.refusal)).toContain("wrong_secret");
    const kept = await inbox.rows<{ headers: Record<string, string> }>(
      "select headers from inbox_rejected where refusal = 'wrong_secret'",
    );
    expect(JSON.stringify(kept)).not.toMatch(/v1=/);
    expect(await inbox.rows<{ n: number }>("select count(*)::int as n from inbox_events")).toEqual(
      before,
    );
  });

  test("too large is 413, declared or in pieces, and never called a bad signature (F10, F11)", async () => {
    const declared = await raw(
      [
        `POST /api/webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10485760\r\n\r\n`,
      ],
      false,
    );
    expect(declared).toMatch(/^HTTP\/1.1 413 /);
    const piece = Buffer.concat([
      Buffer.from("10000\r\n"),
      Buffer.alloc(65_536, "x"),
      Buffer.from("\r\n"),
    ]);
    const chunked = await raw(
      [
        `POST /api/webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
        ...Array.from({ length: 20 }, () => piece),
      ],
      false,
    );
    expect(chunked).toMatch(/^HTTP\/1.1 413 /);
  });

  test("cut off in the middle leaves nothing (F9)", async () => {
    await raw(
      [
        `POST /api/webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"id":"evt_cut"`,
      ],
      true,
    );
    expect(await events("evt_cut")).toEqual([]);
  });

  test("compressed or of another type is 415 (F19)", async () => {
    const body = stripeBody({ id: "evt_gzip" });
    const headers = stripeHeaders(body, inbox.clock);
    expect(
      (
        await send("/api/webhooks/stripe", {
          headers: { ...headers, "content-encoding": "gzip" },
          body: gzipSync(body),
        })
      ).status,
    ).toBe(415);
    expect(
      (
        await send("/api/webhooks/stripe", {
          headers: { ...headers, "content-type": "text/plain" },
          body,
        })
      ).status,
    ).toBe(415);
  });

  test("with two lengths or a swollen header does not get past the parser (F7, F20)", async () => {
    expect(
      await raw(
        [
          "POST /api/webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ],
        true,
      ),
    ).toMatch(/^HTTP\/1.1 400 /);
    expect(
      await raw(
        [
          `POST /api/webhooks/stripe HTTP/1.1\r\nHost: x\r\nStripe-Signature: ${"v1=ab,".repeat(10_000)}\r\n\r\n`,
        ],
        true,
      ),
    ).toMatch(/^HTTP\/1.1 431 /);
  });
});

describe("the same again", () => {
  test("a hundred times at once is one event, all answered 200, and counted (F22)", async () => {
    const body = stripeBody({ id: "evt_hundred" });
    const answers = await Promise.all(Array.from({ length: 100 }, () => postStripe(inbox, body)));
    expect(new Set(answers)).toEqual(new Set([200]));
    expect(await events("evt_hundred")).toHaveLength(1);
    expect(
      await inbox.rows(
        "select from inbox_work w join inbox_events e on e.id = w.event_id where e.external_id = 'evt_hundred'",
      ),
    ).toHaveLength(1);
    await postStripe(inbox, body);
    await inbox.opened.intake.figures.flush();
    const [counted] = await inbox.rows<{ count: number }>(
      "select d.count from inbox_duplicates d join inbox_events e on e.id = d.event_id where e.external_id = 'evt_hundred'",
    );
    expect(counted?.count).toBeGreaterThanOrEqual(1);
  });

  test("with another content is a conflict: the first counts, the second is kept as evidence (F21)", async () => {
    expect(await postStripe(inbox, stripeBody({ id: "evt_twice", extra: 1 }))).toBe(200);
    expect(await postStripe(inbox, stripeBody({ id: "evt_twice", extra: 2 }))).toBe(200);
    expect(await events("evt_twice")).toHaveLength(1);
    const [conflict] = await inbox.rows<{ body: Buffer }>(
      "select body from inbox_conflicts where external_id = 'evt_twice'",
    );
    expect(conflict?.body.equals(stripeBody({ id: "evt_twice", extra: 2 }))).toBe(true);
  });

  test("at another endpoint or in another workspace is another event (F23)", async () => {
    const body = stripeBody({ id: "evt_shared" });
    expect(await postStripe(inbox, body)).toBe(200);
    expect(await postStripe(inbox, body, { endpoint: "ep_two" })).toBe(200);
    const found = await events("evt_shared");
    expect(new Set(found.map((event) => event.workspace_id)).size).toBe(2);
    expect(new Set(found.map((event) => event.segment_id)).size).toBe(2);
  });

  test("over two connections that flush the same ids in opposite order neither deadlocks nor doubles", async () => {
    const bodies = Array.from({ length: 60 }, (_, n) =>
      stripeBody({ id: `evt_storm_${String(n)}`, customer: `cus_${String(n)}` }),
    );
    const answers = await Promise.all(
      [...bodies, ...bodies.toReversed(), ...bodies].map((body) => postStripe(inbox, body)),
    );
    expect(new Set(answers)).toEqual(new Set([200]));
    const [stored] = await inbox.rows<{ n: number }>(
      "select count(*)::int as n from inbox_events where external_id like 'evt_storm_%'",
    );
    expect(stored?.n).toBe(60);
  });
});
