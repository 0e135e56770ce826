import { type Server, type ServerResponse, createServer } from "node:http";

import { afterEach, expect, it } from "vitest";

import { systemClock } from "../../server/src/platform/clock.ts";
import { openStripe } from "../../server/src/providers/stripe/client.ts";
import { customerBody } from "./stripe-shapes.ts";

let server: Server | null = null;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function stripeThat(answers: (response: ServerResponse) => void) {
  const listening = createServer((_, response) => {
    answers(response);
  });
  server = listening;
  await new Promise<void>((resolve) => {
    listening.listen(0, "127.0.0.1", resolve);
  });
  const address = listening.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const apiBase = `http://127.0.0.1:${port}`;
  return openStripe({ apiKey: "sk_test_answers_0000", apiBase, clock: systemClock });
}

const customer = (name: string): string =>
  JSON.stringify(customerBody({ id: "cus_1", created: 1, name, email: "a@x.test" }));

it("an answer with NUL and half a surrogate pair reads as its event would", async () => {
  const stripe = await stripeThat((response) => {
    response.setHeader("content-type", "application/json").end(customer("A\0cme \ud800 Ltd"));
  });
  expect(await stripe.fetch("customer", "cus_1")).toMatchObject({
    kind: "done",
    value: { name: "A\ufffdcme \ufffd Ltd" },
  });
});

it("a slow provider is asked eight things at a time, and all are answered in the end", async () => {
  const open: ServerResponse[] = [];
  let most = 0;
  let answered = 0;
  const stripe = await stripeThat((response) => {
    open.push(response);
    most = Math.max(most, open.length);
  });
  const asked = Array.from({ length: 20 }, async () => {
    const answer = await stripe.fetch("customer", "cus_1");
    answered += 1;
    return answer.kind;
  });
  while (answered < asked.length) {
    await expect.poll(() => open.length).toBe(Math.min(8, asked.length - answered));
    const before = answered;
    const round = open.splice(0);
    for (const response of round) {
      response.setHeader("content-type", "application/json").end(customer("Acme"));
    }
    await expect.poll(() => answered).toBe(before + round.length);
  }
  expect(most).toBe(8);
  expect(new Set(await Promise.all(asked))).toEqual(new Set(["done"]));
});
