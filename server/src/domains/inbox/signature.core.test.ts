import { expect, test } from "vitest";

import { readSignatureHeader, verifyTimestamped } from "./signature.core.ts";

const NOW = new Date("2026-11-21T10:00:00Z");

test("60 KB of brackets under a wrong signature are refused, not thrown about (a RangeError, answered with 503)", () => {
  const signed = readSignatureHeader(`t=${String(NOW.getTime() / 1000)},v1=${"ab".repeat(32)}`, {
    separator: ",",
    time: "t",
    signature: "v1",
  });
  const body = Buffer.from("[".repeat(30_000) + "]".repeat(30_000));
  expect(
    signed === null
      ? null
      : verifyTimestamped(signed, { body, joint: "." }, ["whsec_of_somebody_else"], NOW),
  ).toMatchObject({ ok: false, refusal: "wrong_secret" });
});
