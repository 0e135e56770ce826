import type { Call } from "./call.ts";
import { invalid, missing } from "./failure.ts";
import { int, nested, text, type Input } from "./input.ts";

export interface Page<T> {
  readonly object: "list";
  readonly data: T[];
  readonly has_more: boolean;
  readonly url: string;
}

const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 10;

/**
 * One page, newest first, as Stripe's cursors define it: `starting_after` and `ending_before` name objects of the list.
 * `created` filters are applied here; the rest is the caller's `keep`.
 */
export function page<T extends { id: string }>(
  call: Call,
  items: Iterable<T>,
  keep: (item: T) => boolean = () => true,
): Page<T> {
  const limit = int(call.input, "limit") ?? DEFAULT_LIMIT;
  if (limit < 1 || limit > MAX_LIMIT) {
    throw invalid(
      `Invalid integer: ${limit} must be between 1 and ${MAX_LIMIT}`,
      "limit",
      "parameter_invalid_integer",
    );
  }
  const list = [...items]
    .filter((item) => createdWithin(call.input, item) && keep(item))
    .toReversed();
  const after = text(call.input, "starting_after");
  const before = text(call.input, "ending_before");
  if (before !== undefined && before !== "") {
    const end = position(list, before, "ending_before");
    const start = Math.max(0, end - limit);
    return { object: "list", data: list.slice(start, end), has_more: start > 0, url: call.path };
  }
  const start =
    after === undefined || after === "" ? 0 : position(list, after, "starting_after") + 1;
  return {
    object: "list",
    data: list.slice(start, start + limit),
    has_more: list.length > start + limit,
    url: call.path,
  };
}

/** A short list that is never paged. */
export function wholeList<T>(url: string, data: readonly T[]): Page<T> {
  return { object: "list", data: [...data], has_more: false, url };
}

function position(list: readonly { id: string }[], id: string, param: string): number {
  const at = list.findIndex((item) => item.id === id);
  if (at < 0) {
    throw missing("object", id, param);
  }
  return at;
}

function createdWithin(input: Input, item: object): boolean {
  const created = "created" in item && typeof item.created === "number" ? item.created : undefined;
  if (created === undefined || !input.hash.has("created")) {
    return true;
  }
  const value = input.hash.get("created");
  if (typeof value === "string") {
    return created === Number(value);
  }
  const range = nested(input, "created");
  if (range === undefined) {
    return true;
  }
  const [gt, gte, lt, lte] = ["gt", "gte", "lt", "lte"].map((key) => int(range, key));
  return (
    created > (gt ?? -1) &&
    created >= (gte ?? 0) &&
    created < (lt ?? Infinity) &&
    created <= (lte ?? Infinity)
  );
}

/** Keeps items whose member equals the parameter, when it is given. */
export function matches(call: Call, key: string, value: unknown): boolean {
  const wanted = text(call.input, key);
  return wanted === undefined || wanted === "" || wanted === String(value);
}
