import { expect, test } from "vitest";

import { fieldsOf, inWords, named, rangeWords, typedFrom, valueOf } from "./form-schema.ts";

const SCHEMA = {
  type: "object",
  required: ["id", "when", "reason"],
  properties: {
    id: { type: "string", maxLength: 200, description: "Any id" },
    when: { type: "string", enum: ["period_end", "now"], default: "period_end" },
    prorate: { type: "boolean", default: false },
    reason: { type: "string", maxLength: 500 },
    limit: { anyOf: [{ type: "integer", minimum: 0 }, { type: "null" }] },
    since: { type: "string", format: "date-time" },
    ids: { type: "array", items: { type: "string" } },
    limits: { type: "object", additionalProperties: { type: "integer" } },
    lane: { anyOf: [{ const: 0 }, { const: 5 }] },
    nested: { type: "object", required: [], properties: { deep: { type: "string" } } },
  },
};
const FIELDS = fieldsOf(SCHEMA);
const kinds = Object.fromEntries(FIELDS.map((field) => [field.path, field.kind.type]));

test("each part of a schema gets the field that can hold it", () => {
  expect(kinds).toEqual({
    id: "text",
    when: "choice",
    prorate: "flag",
    reason: "long",
    limit: "number",
    since: "moment",
    ids: "lines",
    limits: "json",
    lane: "choice",
    "nested.deep": "text",
  });
});

test("a field with a default is filled in and not demanded", () => {
  const when = FIELDS.find((field) => field.path === "when");
  expect([when?.required, when?.initial]).toEqual([false, "period_end"]);
});

test("what was typed becomes the value, and empty fields are left out", () => {
  const typed = {
    id: " sub_1 ",
    limit: "5",
    prorate: "true",
    ids: "evt_1\n\nevt_2, evt_3",
    limits: '{"sites":3}',
    "nested.deep": "x",
    lane: "5",
    reason: "",
  };
  expect(valueOf(FIELDS, typed)).toEqual({
    id: "sub_1",
    limit: 5,
    prorate: true,
    ids: ["evt_1", "evt_2", "evt_3"],
    lane: 5,
    limits: { sites: 3 },
    nested: { deep: "x" },
  });
});

test("what cannot be read goes to the server as it was typed, which says what is wrong with it", () => {
  expect(valueOf(FIELDS, { since: "last week", limits: "{", limit: "many" })).toEqual({
    since: "last week",
    limits: "{",
    limit: "many",
  });
});

test("what the page knows fills the form", () => {
  expect(typedFrom(FIELDS, { id: "sub_1", ids: ["a"] })).toMatchObject({
    id: "sub_1",
    ids: "a",
    when: "period_end",
  });
});

test("an instant that the page knows stands in its field and comes out as the same instant", () => {
  const since = "2026-11-21T09:00:43.000Z";
  const typed = typedFrom(FIELDS, { since });
  expect(typed["since"]).toMatch(/^2026-11-2\dT\d\d:\d\d:43$/u);
  expect(valueOf(FIELDS, typed)).toMatchObject({ since });
});

test("no name that only programs use is left in a sentence for people", () => {
  const fields = named(
    fieldsOf({ type: "object", properties: { usePlan: { type: "boolean" }, limit: {} } }),
    { usePlan: { label: "Use the plan’s limit" } },
  );
  expect(inWords("Give a limit, or usePlan; `usePlan` with `now`.", fields)).toBe(
    "Give a limit, or “Use the plan’s limit”; “Use the plan’s limit” with “now”.",
  );
});

test("a number says what it may be where the schema does", () => {
  expect(rangeWords({ type: "number", whole: true, min: 1, max: 100_000 })).toBe("1 to 100,000");
  expect(rangeWords({ type: "number", whole: true, min: 0 })).toBe("0 or more");
  expect(rangeWords({ type: "number", whole: true })).toBeUndefined();
});
