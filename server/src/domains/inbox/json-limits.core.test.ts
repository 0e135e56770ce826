import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { parseBody } from "./json-limits.core.ts";

function parse(text: string): ReturnType<typeof parseBody> {
  return parseBody(Buffer.from(text));
}

function nested(levels: number): string {
  return `${'{"a":'.repeat(levels - 1)}{}${"}".repeat(levels - 1)}`;
}

describe("limits of a signed body", () => {
  test("64 levels are read, 65 are not, in objects and in lists", () => {
    expect(parse(nested(64)).ok).toBe(true);
    expect(parse(nested(65)).ok).toBe(false);
    expect(parse(`{"a":${"[".repeat(63)}${"]".repeat(63)}}`).ok).toBe(true);
    expect(parse(`{"a":${"[".repeat(64)}${"]".repeat(64)}}`).ok).toBe(false);
  });

  test("a hundred thousand brackets that never close end without a deep recursion", () => {
    expect(parse(`{"a":${"[".repeat(100_000)}`).ok).toBe(false);
  });

  test("more than 200,000 values are refused, fewer are not", () => {
    expect(parse(`{"a":[${"0,".repeat(199_000)}0]}`).ok).toBe(true);
    expect(parse(`{"a":[${"0,".repeat(200_001)}0]}`).ok).toBe(false);
  });

  test("brackets, commas and escaped quotes inside strings count for nothing", () => {
    const text = JSON.stringify({ a: `${"[{".repeat(500)}"\\`, b: '\\"[['.repeat(500) });
    expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) });
  });

  test("an unclosed string, no object and no UTF-8 are refused as what they are", () => {
    expect(parse('{"a":"b')).toEqual({ ok: false, reason: "The body is not valid JSON." });
    expect(parse("[1]")).toEqual({ ok: false, reason: "The body is not a JSON object." });
    expect(parseBody(Buffer.from([0x7b, 0xff, 0x7d])).ok).toBe(false);
  });

  test("any object of few levels comes out as it went in, however it is written", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 8 })),
        fc.nat(2),
        (value, indent) => {
          const text = JSON.stringify(value, null, indent);
          expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) });
        },
      ),
    );
  });
});
