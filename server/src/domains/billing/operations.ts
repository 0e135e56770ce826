import {
  type BoundOperation,
  askingSaga,
  command,
  query,
  saga,
} from "#platform/operation/bound.ts";

import {
  applyMapping,
  listPlans,
  listPrices,
  planMapping,
  planPlan,
  setPlan,
} from "./catalogue.commands.ts";
import * as contract from "./contract.ts";
import { explainCustomer, explainInvoice, explainSubscription } from "./explain.queries.ts";
import type { ProviderOf } from "./ports.ts";
import { applyResync, cancelSubscription, planCancel, planResync } from "./provider.commands.ts";
import {
  eventsOf,
  listInvoices,
  listPayments,
  listSubscriptions,
  moneyOfInvoice,
  requireInvoice,
  requireSubscription,
  searchCustomers,
  showCustomer,
} from "./queries.ts";
import { customerTimeline } from "./timeline.queries.ts";
import { invoiceView, subscriptionDetailView, text } from "./views.ts";

export interface BillingDeps {
  readonly providerOf: ProviderOf;
}

/** Everything that can be asked of billing, bound to the code that does it. */
export function billingOperations(deps: BillingDeps): BoundOperation[] {
  return [...customerOperations(), ...recordOperations(), ...planOperations(), ...acts(deps)];
}

function customerOperations(): BoundOperation[] {
  return [
    query(contract.customersSearch, (ctx, input) =>
      searchCustomers(ctx.tx, ctx.workspace.id, input),
    ),
    query(contract.customersShow, (ctx, { id }) => showCustomer(ctx.tx, ctx.workspace.id, id)),
    query(contract.customersTimeline, (ctx, input) =>
      customerTimeline(ctx.tx, ctx.workspace.id, input),
    ),
    query(contract.customersExplain, (ctx, { id }) =>
      explainCustomer(ctx.tx, ctx.workspace.id, id),
    ),
  ];
}

function recordOperations(): BoundOperation[] {
  return [
    query(contract.subscriptionsList, (ctx, input) =>
      listSubscriptions(ctx.tx, ctx.workspace.id, input),
    ),
    query(contract.subscriptionsShow, async (ctx, { id }) => {
      const raw = await requireSubscription(ctx.tx, ctx.workspace.id, id);
      const stripeId = text(raw, "stripe_subscription_id");
      return subscriptionDetailView(raw, await eventsOf(ctx.tx, ctx.workspace.id, stripeId));
    }),
    query(contract.subscriptionsExplain, (ctx, { id }) =>
      explainSubscription(ctx.tx, ctx.workspace.id, id),
    ),
    query(contract.invoicesList, (ctx, input) => listInvoices(ctx.tx, ctx.workspace.id, input)),
    query(contract.invoicesShow, async (ctx, { id }) => {
      const raw = await requireInvoice(ctx.tx, ctx.workspace.id, id);
      const view = invoiceView(raw);
      return {
        ...view,
        ...(await moneyOfInvoice(ctx.tx, ctx.workspace.id, raw)),
        source: text(raw, "source"),
        events: await eventsOf(ctx.tx, ctx.workspace.id, view.stripeInvoiceId),
      };
    }),
    query(contract.invoicesExplain, (ctx, { id }) => explainInvoice(ctx.tx, ctx.workspace.id, id)),
    query(contract.paymentsList, (ctx, input) => listPayments(ctx.tx, ctx.workspace.id, input)),
  ];
}

function planOperations(): BoundOperation[] {
  return [
    query(contract.plansList, async (ctx) => ({ items: await listPlans(ctx), nextCursor: null })),
    command(contract.plansSet, {
      decide: (ctx, input) => planPlan(ctx, input.tier, input),
      apply: (ctx, _input, decision) => setPlan(ctx, decision),
    }),
    command(contract.plansMapPrice, {
      decide: (ctx, input) => planMapping(ctx, input),
      apply: (ctx, input, decision) => applyMapping(ctx, input, decision),
    }),
    query(contract.pricesList, (ctx, input) => listPrices(ctx, input)),
  ];
}

function acts({ providerOf }: BillingDeps): BoundOperation[] {
  return [
    askingSaga(contract.subscriptionsResync, {
      plan: (run, { id }) => planResync(run, providerOf, id),
      execute: async (run, { id }, check) => {
        const plan = await planResync(run, providerOf, id);
        check(plan);
        return run((ctx) => applyResync(ctx, plan.decision));
      },
    }),
    saga(contract.subscriptionsCancel, {
      decide: (ctx, input) => planCancel(ctx, input),
      execute: (run, input, check) => cancelSubscription(run, providerOf, input, check),
    }),
  ];
}
