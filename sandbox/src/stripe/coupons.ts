import { addMonths } from "#sandbox/clock.ts";
import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid, missing, required } from "#sandbox/http/failure.ts";
import {
  bool,
  choice,
  decimal,
  hashes,
  has,
  int,
  metadata,
  needText,
  nested,
  nullable,
  text,
  type Input,
} from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { emit, emitChange } from "./events.ts";
import type { Coupon, Discount, PromotionCode, TaxRate } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

/** Makes a coupon of `percent_off` or `amount_off`+`currency`. */
function createCoupon(w: World, input: Input): Coupon {
  const percent = decimal(input, "percent_off");
  const amount = int(input, "amount_off");
  if ((percent === undefined) === (amount === undefined)) {
    throw invalid("You must pass either percent_off or amount_off, but not both.", "percent_off");
  }
  if (percent !== undefined && (percent <= 0 || percent > 100)) {
    throw invalid("percent_off must be greater than 0 and at most 100.", "percent_off");
  }
  const duration = choice(input, "duration", ["forever", "once", "repeating"]) ?? "once";
  const months = int(input, "duration_in_months");
  if (duration === "repeating" && months === undefined) {
    throw required("duration_in_months");
  }
  const id = text(input, "id") ?? w.random.token(8);
  if (w.tables.coupons.has(id)) {
    throw invalid("Coupon already exists.", "id", "resource_already_exists");
  }
  const coupon: Coupon = {
    id,
    object: "coupon",
    amount_off: amount ?? null,
    created: nowOf(w, null),
    currency: amount === undefined ? null : needText(input, "currency").toLowerCase(),
    duration,
    duration_in_months: months ?? null,
    livemode: false,
    max_redemptions: int(input, "max_redemptions") ?? null,
    metadata: metadata(input),
    name: nullable(input, "name") ?? null,
    percent_off: percent ?? null,
    redeem_by: int(input, "redeem_by") ?? null,
    times_redeemed: 0,
    valid: true,
  };
  w.tables.coupons.set(id, coupon);
  emit(w, "coupon.created", coupon);
  return coupon;
}

/** A discount is redeemed for whom, and at which time. */
export interface Redemption {
  readonly customer: string;
  readonly subscription: string | null;
  readonly promotionCode: string | null;
  readonly now: number;
}

/** Redeems a coupon; counts it, and makes it invalid when its redemptions are used up. */
export function redeem(w: World, couponId: string, to: Redemption): Discount {
  const coupon = w.tables.coupons.get(couponId);
  if (coupon === undefined) {
    throw missing("coupon", couponId, "coupon");
  }
  if (!coupon.valid || (coupon.redeem_by !== null && coupon.redeem_by < to.now)) {
    throw invalid(
      `Coupon ${couponId} is used up and cannot be applied.`,
      "coupon",
      "coupon_expired",
    );
  }
  const times = coupon.times_redeemed + 1;
  const after = amend(w.tables.coupons, coupon, {
    times_redeemed: times,
    valid: coupon.max_redemptions === null || times < coupon.max_redemptions,
  });
  emitChange(w, "coupon.updated", { before: coupon, after });
  const discount: Discount = {
    id: newId(w, "di"),
    object: "discount",
    checkout_session: null,
    customer: to.customer,
    customer_account: null,
    end:
      coupon.duration === "repeating"
        ? addMonths(to.now, coupon.duration_in_months ?? 1, to.now)
        : null,
    invoice: null,
    invoice_item: null,
    promotion_code: to.promotionCode,
    source: { coupon: couponId, type: "coupon" },
    start: to.now,
    subscription: to.subscription,
    subscription_item: null,
  };
  w.tables.discounts.set(discount.id, discount);
  return discount;
}

export interface DiscountWish {
  readonly coupon: string;
  readonly promotionCode: string | null;
}

/**
 * The discounts a request asks for, by `discounts[]` or the older `coupon` / `promotion_code`.
 * undefined: not mentioned; []: take all away. An existing discount is answered by its coupon.
 */
export function wantedDiscounts(w: World, input: Input): readonly DiscountWish[] | undefined {
  const older = text(input, "coupon");
  const code = text(input, "promotion_code");
  if (older !== undefined) {
    return older === "" ? [] : [{ coupon: older, promotionCode: null }];
  }
  if (code !== undefined) {
    return code === "" ? [] : [byCode(w, code)];
  }
  if (!has(input, "discounts")) {
    return undefined;
  }
  return (hashes(input, "discounts") ?? []).map((item) => {
    const promotion = text(item, "promotion_code");
    const existing = text(item, "discount");
    if (promotion !== undefined) {
      return byCode(w, promotion);
    }
    if (existing !== undefined) {
      const known = need(w.tables.discounts, "discount", existing, "discounts");
      return { coupon: known.source.coupon ?? "", promotionCode: known.promotion_code };
    }
    return { coupon: needText(item, "coupon"), promotionCode: null };
  });
}

function byCode(w: World, id: string): DiscountWish {
  const code = need(w.tables.promotionCodes, "promotion code", id, "promotion_code");
  if (!code.active) {
    throw invalid("This promotion code is not active.", "promotion_code");
  }
  const after = amend(w.tables.promotionCodes, code, { times_redeemed: code.times_redeemed + 1 });
  emitChange(w, "promotion_code.updated", { before: code, after });
  return { coupon: code.promotion.coupon ?? "", promotionCode: id };
}

function createPromotionCode(call: Call): PromotionCode {
  const { w, input } = call;
  const promotion = nested(input, "promotion");
  const coupon =
    promotion === undefined ? needText(input, "coupon") : needText(promotion, "coupon");
  need(w.tables.coupons, "coupon", coupon, "coupon");
  const restrictions = nested(input, "restrictions");
  const code: PromotionCode = {
    id: newId(w, "promo"),
    object: "promotion_code",
    active: bool(input, "active") ?? true,
    code: text(input, "code") ?? w.random.token(8).toUpperCase(),
    created: nowOf(w, null),
    customer: text(input, "customer") ?? null,
    customer_account: null,
    expires_at: int(input, "expires_at") ?? null,
    livemode: false,
    max_redemptions: int(input, "max_redemptions") ?? null,
    metadata: metadata(input),
    promotion: { coupon, type: "coupon" },
    restrictions: {
      first_time_transaction:
        (restrictions && bool(restrictions, "first_time_transaction")) ?? false,
      minimum_amount: (restrictions && int(restrictions, "minimum_amount")) ?? null,
      minimum_amount_currency:
        (restrictions && text(restrictions, "minimum_amount_currency")) ?? null,
    },
    times_redeemed: 0,
  };
  w.tables.promotionCodes.set(code.id, code);
  emit(w, "promotion_code.created", code);
  return code;
}

function createTaxRate(call: Call): TaxRate {
  const { w, input } = call;
  const percentage = decimal(input, "percentage");
  if (percentage === undefined) {
    throw required("percentage");
  }
  const rate: TaxRate = {
    id: newId(w, "txr"),
    object: "tax_rate",
    active: bool(input, "active") ?? true,
    country: nullable(input, "country") ?? null,
    created: nowOf(w, null),
    description: nullable(input, "description") ?? null,
    display_name: needText(input, "display_name"),
    effective_percentage: null,
    flat_amount: null,
    inclusive: bool(input, "inclusive") ?? false,
    jurisdiction: nullable(input, "jurisdiction") ?? null,
    jurisdiction_level: null,
    livemode: false,
    metadata: metadata(input),
    percentage,
    rate_type: "percentage",
    state: nullable(input, "state") ?? null,
    tax_type:
      choice(input, "tax_type", ["gst", "hst", "jct", "pst", "qst", "sales_tax", "vat"]) ?? null,
  };
  w.tables.taxRates.set(rate.id, rate);
  emit(w, "tax_rate.created", rate);
  return rate;
}

function updateCoupon(call: Call): Coupon {
  const before = need(call.w.tables.coupons, "coupon", idOf(call));
  const after = amend(call.w.tables.coupons, before, {
    metadata: metadata(call.input, before.metadata ?? {}),
    name: has(call.input, "name") ? (nullable(call.input, "name") ?? null) : before.name,
  });
  emitChange(call.w, "coupon.updated", { before, after });
  return after;
}

function removeCoupon(call: Call): object {
  const coupon = need(call.w.tables.coupons, "coupon", idOf(call));
  call.w.tables.coupons.delete(coupon.id);
  emit(call.w, "coupon.deleted", { ...coupon, valid: false });
  return { id: coupon.id, object: "coupon", deleted: true };
}

function updatePromotionCode(call: Call): PromotionCode {
  const before = need(call.w.tables.promotionCodes, "promotion code", idOf(call));
  const after = amend(call.w.tables.promotionCodes, before, {
    active: bool(call.input, "active") ?? before.active,
    metadata: metadata(call.input, before.metadata ?? {}),
  });
  emitChange(call.w, "promotion_code.updated", { before, after });
  return after;
}

function updateTaxRate(call: Call): TaxRate {
  const before = need(call.w.tables.taxRates, "tax rate", idOf(call));
  const after = amend(call.w.tables.taxRates, before, {
    active: bool(call.input, "active") ?? before.active,
    metadata: metadata(call.input, before.metadata ?? {}),
  });
  emitChange(call.w, "tax_rate.updated", { before, after });
  return after;
}

export const couponRoutes: readonly Route[] = [
  route("POST", "/v1/coupons", "couponCreate", (call) => createCoupon(call.w, call.input)),
  route("GET", "/v1/coupons", "couponList", (call) => page(call, call.w.tables.coupons.values())),
  route("GET", "/v1/coupons/*", [], (call) => need(call.w.tables.coupons, "coupon", idOf(call))),
  route("POST", "/v1/coupons/*", "couponUpdate", updateCoupon),
  route("DELETE", "/v1/coupons/*", [], removeCoupon),
  route("POST", "/v1/promotion_codes", "promotionCodeCreate", createPromotionCode),
  route("GET", "/v1/promotion_codes", "promotionCodeList", (call) =>
    page(
      call,
      call.w.tables.promotionCodes.values(),
      (code) =>
        matches(call, "code", code.code) &&
        matches(call, "active", code.active) &&
        matches(call, "coupon", code.promotion.coupon),
    ),
  ),
  route("GET", "/v1/promotion_codes/*", [], (call) =>
    need(call.w.tables.promotionCodes, "promotion code", idOf(call)),
  ),
  route("POST", "/v1/promotion_codes/*", "promotionCodeUpdate", updatePromotionCode),
  route("POST", "/v1/tax_rates", "taxRateCreate", createTaxRate),
  route("GET", "/v1/tax_rates", "taxRateList", (call) =>
    page(call, call.w.tables.taxRates.values(), (rate) => matches(call, "active", rate.active)),
  ),
  route("GET", "/v1/tax_rates/*", [], (call) =>
    need(call.w.tables.taxRates, "tax rate", idOf(call)),
  ),
  route("POST", "/v1/tax_rates/*", "taxRateUpdate", updateTaxRate),
];
