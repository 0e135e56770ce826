import type { ObjectKind, Snapshot } from "#domains/billing/model.ts";

import { customerFrom, priceFrom, productFrom } from "./catalogue.ts";
import { invoiceFrom } from "./invoice.ts";
import {
  chargeFrom,
  disputeFrom,
  invoicePaymentFrom,
  paymentIntentFrom,
  refundFrom,
} from "./payment.ts";
import { type Json, ShapeError, int, isJson, obj, str, strOrNull } from "./shape.ts";
import { subscriptionFrom } from "./subscription.ts";
import { type Generation, generationOf } from "./version.ts";

export interface Decoded {
  readonly kind: "snapshot";
  readonly snapshot: Snapshot;
  readonly atSeconds: number;
  readonly typeRank: 0 | 1 | 2;
  readonly previous: Json | null;
}

export type Reading =
  | Decoded
  | { readonly kind: "ignored"; readonly reason: string }
  /** Cannot be read; `object` names what to ask the provider for, where that much could be read. */
  | {
      readonly kind: "unreadable";
      readonly reason: string;
      readonly object: { readonly kind: ObjectKind; readonly id: string } | null;
    };

/** Which object an event of this type carries, by the longest prefix that fits. */
const PREFIXES: readonly (readonly [prefix: string, kind: ObjectKind])[] = [
  ["customer.subscription.", "subscription"],
  ["charge.dispute.", "dispute"],
  ["charge.refund.", "refund"],
  ["refund.", "refund"],
  ["charge.", "charge"],
  ["invoice_payment.", "invoice_payment"],
  ["invoice.", "invoice"],
  ["payment_intent.", "payment_intent"],
  ["product.", "product"],
  ["price.", "price"],
];

/** Types that fit a prefix above but carry something that is no record of ours. */
const NOT_OURS: Readonly<Record<string, string>> = {
  "invoice.upcoming": "An upcoming invoice is a forecast; it has no id and no record.",
};

const kinds = new Map<string, ObjectKind | null>();

/** The object that events of this type are about; null for a type that changes nothing in the record. */
function kindOfType(type: string): ObjectKind | null {
  let kind = kinds.get(type);
  if (kind === undefined) {
    kind = decideKind(type);
    if (kinds.size < 500) {
      kinds.set(type, kind);
    }
  }
  return kind;
}

function decideKind(type: string): ObjectKind | null {
  if (NOT_OURS[type] !== undefined) {
    return null;
  }
  if (type === "customer.created" || type === "customer.updated" || type === "customer.deleted") {
    return "customer";
  }
  return PREFIXES.find(([prefix]) => type.startsWith(prefix))?.[1] ?? null;
}

/** Stripe's JSON for one object as a snapshot of ours. @throws ShapeError */
export function snapshotFrom(
  kind: ObjectKind,
  object: Json,
  generation: Generation,
  deleted: boolean,
): Snapshot {
  const expected = kind;
  if (object["object"] !== expected) {
    throw new ShapeError(`object (${expected})`, object["object"]);
  }
  switch (kind) {
    case "subscription":
      return subscriptionFrom(object, generation, deleted);
    case "invoice":
      return invoiceFrom(object, generation, deleted);
    case "customer":
      return customerFrom(object, deleted);
    case "payment_intent":
      return paymentIntentFrom(object);
    case "charge":
      return chargeFrom(object);
    case "refund":
      return refundFrom(object);
    case "dispute":
      return disputeFrom(object);
    case "invoice_payment":
      return invoicePaymentFrom(object);
    case "product":
      return productFrom(object, deleted);
    case "price":
      return priceFrom(object, deleted);
  }
}

const MAYBE_UNSTORABLE = /\\u(?:0000|d[89a-f])/i;
/** One escape of JSON at a time, so that an escaped backslash before a `u` is not taken for one. */
const ESCAPE = /\\(?:u(d[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2}|u([0-9a-f]{4})|.)/gi;

/** Postgres holds neither NUL nor half of a surrogate pair in a text: both become U+FFFD. The raw bytes are kept elsewhere. */
function storable(json: string): string {
  if (!MAYBE_UNSTORABLE.test(json)) {
    return json;
  }
  return json.replaceAll(ESCAPE, (whole, _pair: string | undefined, code: string | undefined) =>
    code !== undefined && /^(?:0000|d[89a-f]..)$/i.test(code) ? String.raw`\ufffd` : whole,
  );
}

/** Reads one event's raw body. Never throws: what cannot be read says why. */
export function readEvent(body: Buffer): Reading {
  let event: unknown;
  try {
    event = JSON.parse(storable(body.toString("utf8")));
  } catch {
    return { kind: "unreadable", reason: "The body is not JSON.", object: null };
  }
  if (!isJson(event)) {
    return { kind: "unreadable", reason: "The body is not a JSON object.", object: null };
  }
  let target: { kind: ObjectKind; id: string } | null = null;
  try {
    const type = str(event, "type");
    const kind = kindOfType(type);
    if (kind === null) {
      return { kind: "ignored", reason: NOT_OURS[type] ?? `Nothing here is kept of ${type}.` };
    }
    const data = obj(event, "data");
    const object = obj(data, "object");
    target = { kind, id: str(object, "id") };
    const version = strOrNull(event, "api_version");
    const generation = generationOf(version);
    if (generation === null) {
      return {
        kind: "unreadable",
        reason: `API version ${version ?? "null"} is not known.`,
        object: target,
      };
    }
    const deleted = type.endsWith(".deleted");
    const previous = data["previous_attributes"];
    return {
      kind: "snapshot",
      snapshot: snapshotFrom(kind, object, generation, deleted),
      atSeconds: int(event, "created"),
      typeRank: typeRankOf(type, kind, deleted),
      previous: isJson(previous) ? previous : null,
    };
  } catch (error) {
    if (error instanceof ShapeError) {
      return { kind: "unreadable", reason: `${error.message}.`, object: target };
    }
    throw error;
  }
}

const CREATED =
  /^(?:customer|product|price|invoice|payment_intent|refund|customer\.subscription|charge\.dispute)\.created$/;

function typeRankOf(type: string, kind: ObjectKind, deleted: boolean): 0 | 1 | 2 {
  if (deleted) {
    return 2;
  }
  // `charge.succeeded` may follow `charge.pending`, so charges have no certain first.
  return kind !== "charge" && CREATED.test(type) ? 0 : 1;
}
