import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import {
  has,
  int,
  metadata,
  needText,
  nested,
  nullable,
  text,
  type Input,
} from "#sandbox/http/input.ts";
import { matches, page, wholeList } from "#sandbox/http/page.ts";

import { addressOf, shippingOf } from "./addresses.ts";
import { redeem, wantedDiscounts } from "./coupons.ts";
import { emit, emitChange } from "./events.ts";
import { attachPaymentMethod, createCard, resolvePaymentMethod } from "./payment-methods.ts";
import type { Card, Customer, Discount } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

/** Makes a customer, with what the request brings along: card, default payment method, discount. */
export function createCustomer(w: World, input: Input): Customer {
  const clockId = nullable(input, "test_clock") ?? null;
  if (clockId !== null) {
    need(w.tables.testClocks, "test clock", clockId, "test_clock");
  }
  const bare: Customer = {
    id: newId(w, "cus"),
    object: "customer",
    address: addressOf(input),
    balance: int(input, "balance") ?? 0,
    created: nowOf(w, clockId),
    currency: null,
    customer_account: null,
    default_source: null,
    delinquent: false,
    description: nullable(input, "description") ?? null,
    discount: null,
    email: nullable(input, "email") ?? null,
    invoice_prefix: w.random.token(8).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: metadata(input),
    name: nullable(input, "name") ?? null,
    next_invoice_sequence: 1,
    phone: nullable(input, "phone") ?? null,
    preferred_locales: [],
    shipping: shippingOf(input),
    tax_exempt: "none",
    test_clock: clockId,
  };
  w.tables.customers.set(bare.id, bare);
  try {
    return outfit(w, bare, input);
  } catch (error) {
    w.tables.customers.delete(bare.id);
    throw error;
  }
}

function outfit(w: World, bare: Customer, input: Input): Customer {
  const method = text(input, "payment_method");
  const token = text(input, "source");
  const attached =
    method === undefined || method === "" ? undefined : resolvePaymentMethod(w, method);
  const card = token === undefined || token === "" ? undefined : createCard(w, token, bare.id);
  const wishes = defaultMethodOf(w, input, { asked: method, attached: attached?.id });
  const customer = amend(w.tables.customers, bare, {
    default_source: card?.id ?? null,
    discount: newDiscount(w, bare, input) ?? null,
    invoice_settings: { ...bare.invoice_settings, default_payment_method: wishes ?? null },
  });
  emit(w, "customer.created", customer, customer.test_clock ?? null);
  if (attached !== undefined) {
    attachPaymentMethod(w, attached.id, customer.id);
  }
  if (card !== undefined) {
    emit(w, "customer.source.created", card, customer.test_clock ?? null);
  }
  if (customer.discount !== null && customer.discount !== undefined) {
    emit(w, "customer.discount.created", customer.discount, customer.test_clock ?? null);
  }
  return customer;
}

/** A test id names a fresh payment method; where the same one is attached in this request, that one is meant. */
function defaultMethodOf(
  w: World,
  input: Input,
  known: { asked: string | undefined; attached: string | undefined },
): string | null | undefined {
  const settings = nested(input, "invoice_settings");
  const wanted = settings === undefined ? undefined : nullable(settings, "default_payment_method");
  if (wanted === undefined || wanted === null) {
    return wanted;
  }
  return wanted === known.asked && known.attached !== undefined
    ? known.attached
    : resolvePaymentMethod(w, wanted).id;
}

function newDiscount(w: World, customer: Customer, input: Input): Discount | undefined {
  const [wish] = wantedDiscounts(w, input) ?? [];
  return wish === undefined
    ? undefined
    : redeem(w, wish.coupon, {
        customer: customer.id,
        subscription: null,
        promotionCode: wish.promotionCode,
        now: nowOf(w, customer.test_clock),
      });
}

function update(call: Call): Customer {
  const { w, input } = call;
  const before = need(w.tables.customers, "customer", idOf(call));
  const token = text(input, "source");
  const card = token === undefined || token === "" ? undefined : createCard(w, token, before.id);
  const method = defaultMethodOf(w, input, { asked: undefined, attached: undefined });
  if (typeof method === "string") {
    attachPaymentMethod(w, method, before.id);
  }
  const keep = (key: "description" | "email" | "name" | "phone"): string | null =>
    has(input, key) ? (nullable(input, key) ?? null) : (before[key] ?? null);
  const after = amend(w.tables.customers, before, {
    address: has(input, "address") ? addressOf(input) : (before.address ?? null),
    balance: int(input, "balance") ?? before.balance,
    default_source: card?.id ?? text(input, "default_source") ?? before.default_source,
    description: keep("description"),
    email: keep("email"),
    name: keep("name"),
    phone: keep("phone"),
    invoice_settings:
      method === undefined
        ? before.invoice_settings
        : { ...before.invoice_settings, default_payment_method: method },
    metadata: metadata(input, before.metadata),
    shipping: has(input, "shipping") ? shippingOf(input) : before.shipping,
  });
  if (card !== undefined) {
    emit(w, "customer.source.created", card, after.test_clock ?? null);
  }
  emitChange(w, "customer.updated", { before, after, clockId: after.test_clock ?? null });
  return changeDiscount(w, after, input);
}

function changeDiscount(w: World, before: Customer, input: Input): Customer {
  const wishes = wantedDiscounts(w, input);
  if (wishes === undefined) {
    return before;
  }
  const old = before.discount ?? null;
  const discount = newDiscount(w, before, input) ?? null;
  const after = amend(w.tables.customers, before, { discount });
  const clockId = after.test_clock ?? null;
  if (old !== null && discount !== null) {
    emitChange(w, "customer.discount.updated", { before: old, after: discount, clockId });
  } else if (old !== null) {
    emit(w, "customer.discount.deleted", old, clockId);
  } else if (discount !== null) {
    emit(w, "customer.discount.created", discount, clockId);
  }
  emitChange(w, "customer.updated", { before, after, clockId });
  return after;
}

/** Marks a customer with the outcome of collections; announces customer.updated when that changed something. */
export function patchCustomer(w: World, id: string, patch: Partial<Customer>): void {
  const before = w.tables.customers.get(id);
  if (before !== undefined) {
    const after = amend(w.tables.customers, before, patch);
    emitChange(w, "customer.updated", { before, after, clockId: after.test_clock ?? null });
  }
}

function retrieve(call: Call): object {
  const id = idOf(call);
  return call.w.secrets.tombstones.get(id) === "customer"
    ? { id, object: "customer", deleted: true }
    : need(call.w.tables.customers, "customer", id);
}

function removeDiscount(call: Call): object {
  const before = need(call.w.tables.customers, "customer", idOf(call));
  const old = before.discount ?? null;
  const after = amend(call.w.tables.customers, before, { discount: null });
  if (old !== null) {
    emit(call.w, "customer.discount.deleted", old, after.test_clock ?? null);
  }
  return { id: old?.id ?? "", object: "discount", deleted: true };
}

function addSource(call: Call): Card {
  const { w, input } = call;
  const customer = need(w.tables.customers, "customer", idOf(call));
  const card = createCard(w, needText(input, "source"), customer.id);
  emit(w, "customer.source.created", card, customer.test_clock ?? null);
  if (customer.default_source === null) {
    patchCustomer(w, customer.id, { default_source: card.id });
  }
  return card;
}

function updateSource(call: Call): Card {
  const before = need(call.w.tables.cards, "source", idOf(call, 1));
  const after = amend(call.w.tables.cards, before, {
    metadata: metadata(call.input, before.metadata ?? {}),
    name: text(call.input, "name") ?? before.name,
    exp_month: int(call.input, "exp_month") ?? before.exp_month,
    exp_year: int(call.input, "exp_year") ?? before.exp_year,
  });
  emitChange(call.w, "customer.source.updated", { before, after });
  return after;
}

function removeSource(call: Call): object {
  const card = need(call.w.tables.cards, "source", idOf(call, 1));
  call.w.tables.cards.delete(card.id);
  emit(call.w, "customer.source.deleted", card);
  return { id: card.id, object: "card", deleted: true };
}

/** `field:'value'` and `field~'value'` clauses joined by AND, over email, name, metadata. */
function search(call: Call): object {
  const clauses = [
    ...needText(call.input, "query").matchAll(
      /(?<field>[\w["'\]]+)\s*(?<op>[:~])\s*["'](?<value>[^"']*)["']/gu,
    ),
  ];
  const data = [...call.w.tables.customers.values()].filter((customer) =>
    clauses.every((clause) => {
      const field = clause.groups?.["field"] ?? "";
      const wanted = (clause.groups?.["value"] ?? "").toLowerCase();
      const key = /^metadata\[["'](?<key>[^"']+)["']\]$/u.exec(field)?.groups?.["key"];
      const value =
        key === undefined
          ? { email: customer.email, name: customer.name }[field]
          : customer.metadata[key];
      const actual = (value ?? "").toLowerCase();
      return clause.groups?.["op"] === "~" ? actual.includes(wanted) : actual === wanted;
    }),
  );
  return {
    object: "search_result",
    url: call.path,
    has_more: false,
    next_page: null,
    data: data.toReversed().slice(0, 100),
  };
}

export const customerRoutes: readonly Route[] = [
  route("POST", "/v1/customers", "customerCreate", (call) => createCustomer(call.w, call.input)),
  route("GET", "/v1/customers", "customerList", (call) =>
    page(
      call,
      call.w.tables.customers.values(),
      (customer) =>
        matches(call, "email", customer.email) && matches(call, "test_clock", customer.test_clock),
    ),
  ),
  route("GET", "/v1/customers/search", "customerSearch", search),
  route("GET", "/v1/customers/*", [], retrieve),
  route("POST", "/v1/customers/*", "customerUpdate", update),
  route("DELETE", "/v1/customers/*/discount", [], removeDiscount),
  route("POST", "/v1/customers/*/sources", "customerCreateSource", addSource),
  route("GET", "/v1/customers/*/sources", "customerListSources", (call) =>
    page(call, call.w.tables.cards.values(), (card) => card.customer === idOf(call)),
  ),
  route("GET", "/v1/customers/*/sources/*", [], (call) =>
    need(call.w.tables.cards, "source", idOf(call, 1)),
  ),
  route("POST", "/v1/customers/*/sources/*", "customerUpdateSource", updateSource),
  route("DELETE", "/v1/customers/*/sources/*", [], removeSource),
  route("GET", "/v1/customers/*/payment_methods", "customerListPaymentMethods", (call) =>
    page(
      call,
      call.w.tables.paymentMethods.values(),
      (method) => method.customer === idOf(call) && matches(call, "type", method.type),
    ),
  ),
  route("GET", "/v1/customers/*/payment_methods/*", [], (call) =>
    need(call.w.tables.paymentMethods, "PaymentMethod", idOf(call, 1)),
  ),
  route("GET", "/v1/customers/*/tax_ids", ["limit", "starting_after", "ending_before"], (call) =>
    wholeList(call.path, []),
  ),
];
