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

  test("a key twice in one object is refused, however it is spelt; in two objects it is not (the last one counted)", () => {
    const refused = { ok: false, reason: "The body has a key twice in one object." };
    expect(parse('{"id":"evt_1","id":"evt_2"}')).toEqual(refused);
    expect(parse('{"a":[{"b":{},"c":{"b":1},"b":2}]}')).toEqual(refused);
    expect(parse('{"id":1,"\\u0069d":2}')).toEqual(refused);
    expect(parse('{"__proto__":1,"__proto__":2}')).toEqual(refused);
    const many = Array.from({ length: 5_000 }, (_, n) => `"k${String(n)}":[{"k":"k1"},{"k":","}]`);
    expect(parse(`{${many.join(",")}}`).ok).toBe(true);
    expect(parse(`{${many.join(",")},"k4000":0}`)).toEqual(refused);
    expect(parse('{"a":{"id":1},"b":{"id":1},"id":["id",{"id":"id"},"id"],"x\\"y":1}').ok).toBe(
      true,
    );
  });

  test("whatever object has a key put in twice is refused", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 }), { minKeys: 1 }),
        fc.nat(),
        fc.nat(2),
        (value, pick, indent) => {
          const keys = Object.keys(value);
          const again = JSON.stringify(keys[pick % keys.length]);
          const text = JSON.stringify({ first: [value] }, null, indent);
          const doubled = text.replace(
            "[",
            () => `[{${again}:0,"${"x".repeat(9)}":{${again}:1},${again}:2},`,
          );
          expect(parse(text).ok).toBe(true);
          expect(parse(doubled).ok).toBe(false);
        },
      ),
    );
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
