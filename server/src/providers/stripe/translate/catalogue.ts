import type { CustomerSnapshot, PriceSnapshot, ProductSnapshot } from "#domains/billing/model.ts";
import { parseTier } from "#domains/billing/tier.core.ts";

import {
  type Json,
  bool,
  int,
  intOrNull,
  looseInt,
  looseStr,
  maybeObj,
  ref,
  str,
  strOrNull,
} from "./shape.ts";

function hinted(object: Json): PriceSnapshot["tierHint"] {
  const metadata = maybeObj(object, "metadata");
  return metadata === null ? null : parseTier(metadata["plan_tier"]);
}

/** @throws ShapeError */
export function customerFrom(object: Json, deleted: boolean): CustomerSnapshot {
  const metadata = maybeObj(object, "metadata");
  return {
    kind: "customer",
    id: str(object, "id"),
    created: int(object, "created"),
    deleted,
    name: looseStr(object, "name"),
    email: strOrNull(object, "email"),
    description: looseStr(object, "description"),
    phone: looseStr(object, "phone"),
    currency: looseStr(object, "currency"),
    balanceMinor: looseInt(object, "balance") ?? 0,
    delinquent: object["delinquent"] === true,
    externalId: metadata === null ? null : looseStr(metadata, "external_id"),
  };
}

/** @throws ShapeError */
export function productFrom(object: Json, deleted: boolean): ProductSnapshot {
  return {
    kind: "product",
    id: str(object, "id"),
    name: str(object, "name"),
    active: bool(object, "active"),
    deleted,
    created: int(object, "created"),
    tierHint: hinted(object),
  };
}

/** @throws ShapeError */
export function priceFrom(object: Json, deleted: boolean): PriceSnapshot {
  const recurring = maybeObj(object, "recurring");
  return {
    kind: "price",
    id: str(object, "id"),
    product: ref(object, "product"),
    active: bool(object, "active"),
    deleted,
    currency: str(object, "currency"),
    unitAmountMinor: intOrNull(object, "unit_amount"),
    interval: recurring === null ? null : str(recurring, "interval"),
    intervalCount: recurring === null ? null : int(recurring, "interval_count"),
    nickname: looseStr(object, "nickname"),
    lookupKey: looseStr(object, "lookup_key"),
    created: int(object, "created"),
    tierHint: hinted(object),
  };
}
