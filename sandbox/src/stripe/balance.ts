import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid } from "#sandbox/http/failure.ts";
import { metadata, needInt, needText, nullable } from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { emit, emitChange } from "./events.ts";
import type { Balance, BalanceTransaction, Payout } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

const PERCENT_FEE = 0.029;
const FIXED_FEE = 30;
const DAYS_PENDING = 2;
const DAY = 86_400;

export interface Movement {
  readonly type: BalanceTransaction["type"];
  readonly amount: number;
  readonly fee: number;
  readonly currency: string;
  readonly source: string;
  readonly description: string | null;
  readonly atOnce: boolean;
}

/** Stripe's fee on a card charge in minor units: 2.9 % + 30. */
export function cardFee(amount: number): number {
  return Math.round(amount * PERCENT_FEE) + FIXED_FEE;
}

/** Books a movement of money; funds of charges are available after two days unless `atOnce`. */
export function bookMovement(w: World, movement: Movement): BalanceTransaction {
  const now = nowOf(w, null);
  const transaction: BalanceTransaction = {
    id: newId(w, "txn"),
    object: "balance_transaction",
    amount: movement.amount,
    available_on: movement.atOnce ? now : now + DAYS_PENDING * DAY,
    balance_type: "payments",
    created: now,
    currency: movement.currency,
    description: movement.description,
    exchange_rate: null,
    fee: movement.fee,
    fee_details:
      movement.fee === 0
        ? []
        : [
            {
              amount: movement.fee,
              application: null,
              currency: movement.currency,
              description: "Stripe processing fees",
              type: "stripe_fee",
            },
          ],
    net: movement.amount - movement.fee,
    reporting_category: movement.type === "adjustment" ? "dispute" : movement.type,
    source: movement.source,
    status: movement.atOnce ? "available" : "pending",
    type: movement.type,
  };
  w.tables.balanceTransactions.set(transaction.id, transaction);
  if (movement.atOnce && movement.amount > 0) {
    emit(w, "balance.available", balanceOf(w));
  }
  return transaction;
}

/** The account's balance now, by currency. */
function balanceOf(w: World): Balance {
  const now = nowOf(w, null);
  const available = new Map<string, number>();
  const pending = new Map<string, number>();
  for (const movement of w.tables.balanceTransactions.values()) {
    const into = movement.available_on <= now ? available : pending;
    into.set(movement.currency, (into.get(movement.currency) ?? 0) + movement.net);
  }
  const currencies = new Set(["usd", ...available.keys(), ...pending.keys()]);
  const lines = (sums: Map<string, number>): Balance["available"] =>
    [...currencies].map((currency) => {
      const amount = sums.get(currency) ?? 0;
      return { amount, currency, source_types: { card: amount } };
    });
  return {
    object: "balance",
    available: lines(available),
    livemode: false,
    pending: lines(pending),
  };
}

function createPayout(call: Call): Payout {
  const { w, input } = call;
  const amount = needInt(input, "amount");
  const currency = needText(input, "currency").toLowerCase();
  const funds = balanceOf(w).available.find((line) => line.currency === currency)?.amount ?? 0;
  if (funds < amount) {
    throw invalid(
      "You have insufficient funds in your Stripe account for this transfer.",
      "amount",
      "balance_insufficient",
    );
  }
  const id = newId(w, "po");
  const now = nowOf(w, null);
  const booked = bookMovement(w, {
    type: "payout",
    amount: -amount,
    fee: 0,
    currency,
    source: id,
    description: null,
    atOnce: true,
  });
  const payout: Payout = {
    id,
    object: "payout",
    amount,
    application_fee: null,
    application_fee_amount: null,
    arrival_date: now + DAYS_PENDING * DAY,
    automatic: false,
    balance_transaction: booked.id,
    created: now,
    currency,
    description: nullable(input, "description") ?? null,
    destination: null,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    livemode: false,
    metadata: metadata(input),
    method: "standard",
    original_payout: null,
    payout_method: null,
    reconciliation_status: "not_applicable",
    reversed_by: null,
    source_type: "card",
    statement_descriptor: null,
    status: "pending",
    trace_id: null,
    type: "bank_account",
  };
  w.tables.payouts.set(id, payout);
  emit(w, "payout.created", payout);
  w.agenda.add(null, payout.arrival_date, { do: "pay out", payout: id });
  return payout;
}

/** The bank has the money. */
export function payOut(w: World, id: string): void {
  const before = w.tables.payouts.get(id);
  if (before?.status === "pending") {
    const after = amend(w.tables.payouts, before, { status: "paid" });
    emitChange(w, "payout.updated", { before, after });
    emit(w, "payout.paid", after);
  }
}

function updatePayout(call: Call): Payout {
  const before = need(call.w.tables.payouts, "payout", idOf(call));
  const after = amend(call.w.tables.payouts, before, {
    metadata: metadata(call.input, before.metadata ?? {}),
  });
  emitChange(call.w, "payout.updated", { before, after });
  return after;
}

export const balanceRoutes: readonly Route[] = [
  route("GET", "/v1/balance", [], (call) => balanceOf(call.w)),
  route("GET", "/v1/balance_transactions", "balanceTransactionList", (call) =>
    page(
      call,
      call.w.tables.balanceTransactions.values(),
      (booked) => matches(call, "type", booked.type) && matches(call, "source", booked.source),
    ),
  ),
  route("GET", "/v1/balance_transactions/*", [], (call) =>
    need(call.w.tables.balanceTransactions, "balance transaction", idOf(call)),
  ),
  route("POST", "/v1/payouts", "payoutCreate", createPayout),
  route("GET", "/v1/payouts", "payoutList", (call) =>
    page(call, call.w.tables.payouts.values(), (payout) => matches(call, "status", payout.status)),
  ),
  route("GET", "/v1/payouts/*", [], (call) => need(call.w.tables.payouts, "payout", idOf(call))),
  route("POST", "/v1/payouts/*", "payoutUpdate", updatePayout),
];
