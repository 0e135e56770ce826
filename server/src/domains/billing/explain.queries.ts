import type { RecordChanges } from "#domains/inbox/ports.ts";
import { fromUnixSeconds } from "#platform/clock.ts";
import type { Tx } from "#platform/db/tx.ts";

import type { Explanation } from "./contract.ts";
import { type FieldState, type Told, explainFields } from "./explain.core.ts";
import { eventRow, requireInvoice, requireOrganization, requireSubscription } from "./queries.ts";
import {
  type Raw,
  changedOf,
  eventView,
  instantOf,
  instantOrNull,
  isAbsent,
  isRaw,
  text,
  textOrNull,
} from "./views.ts";

/** Instants of a snapshot are seconds; people read them as time. */
const INSTANTS: ReadonlySet<string> = new Set([
  "created",
  "periodStart",
  "periodEnd",
  "cancelAt",
  "canceledAt",
  "endedAt",
  "trialStart",
  "trialEnd",
  "pauseResumesAt",
  "dueAt",
  "paidAt",
  "finalizedAt",
  "voidedAt",
  "nextPaymentAttempt",
]);

function readable(field: string, value: unknown): unknown {
  return typeof value === "number" && INSTANTS.has(field)
    ? fromUnixSeconds(value).toISOString()
    : value;
}

/** The columns that a person may have typed over, with the field of the snapshot that each is made from. */
const TYPED = {
  subscription: {
    status: "status",
    periodStart: "current_period_start",
    periodEnd: "current_period_end",
    cancelAtPeriodEnd: "cancel_at_period_end",
    canceledAt: "canceled_at",
    endedAt: "ended_at",
    trialEnd: "trial_end",
  },
  invoice: {
    status: "status",
    amountDueMinor: "amount_due_cents",
    amountPaidMinor: "amount_paid_cents",
    paidAt: "paid_at",
  },
} as const;

function fieldsOf(raw: Raw, kind: "subscription" | "invoice"): FieldState[] {
  const parsed: unknown = JSON.parse(text(raw, "snapshot"));
  const snapshot: Raw = isRaw(parsed) ? parsed : {};
  const columns: Readonly<Record<string, string>> = TYPED[kind];
  return Object.entries(snapshot)
    .filter(([field]) => field !== "kind")
    .map(([field, value]) => {
      const said = readable(field, value);
      const column = columns[field];
      const stands = column === undefined ? said : standing(raw[column]);
      return { field, said, stands };
    });
}

function standing(value: unknown): unknown {
  return value instanceof Date ? value.toISOString() : (value ?? null);
}

async function chainOf(tx: Tx, workspaceId: number, objectId: string): Promise<Raw[]> {
  // In the order in which they were applied: a late event is where it arrived.
  const found = await tx.client.query<Raw>(
    "select * from subscription_events where workspace_id = $1 and object_id = $2 order by id desc limit 500",
    [workspaceId, objectId],
  );
  return found.rows.toReversed();
}

function toldOf(raw: Raw): Told {
  const view = eventView(raw);
  const data = raw["data"];
  return { ...view, first: isRaw(data) && data["first"] === true };
}

function notesOf(raw: Raw, chain: readonly Raw[]): string[] {
  const notes: string[] = [];
  const source = text(raw, "source");
  if (source.startsWith("psql:")) {
    notes.push(
      `Somebody typed over this row as ${source.slice("psql:".length)}; the audit log has the line. The next event of the provider wins.`,
    );
  }
  if (source.startsWith("fetch_")) {
    notes.push("The state in force is an answer that we asked the provider for.");
  }
  const late = chain.filter((each) => text(each, "fate") === "superseded").length;
  if (late > 0) {
    notes.push(`${late} of ${chain.length} events came after a later state was known.`);
  }
  return notes;
}

function explanationOf(
  raw: Raw,
  kind: "subscription" | "invoice",
  chain: readonly Raw[],
): Explanation {
  const source = text(raw, "source");
  const providerId = text(raw, `stripe_${kind}_id`);
  const told = chain.map(toldOf);
  const setter = told.findLast((each) => each.eventId === source);
  const status = text(raw, "status");
  return {
    kind,
    id: text(raw, "id"),
    providerId,
    organizationId: text(raw, "organization_id"),
    summary:
      setter === undefined
        ? `${providerId} is ${status}; ${source === "" ? "nothing recorded" : source} made it so.`
        : `${providerId} is ${status} since ${setter.eventType} of ${setter.occurredAt}.`,
    source,
    fields: [...explainFields(fieldsOf(raw, kind), told, source)],
    chain: chain.map(eventView),
    notes: notesOf(raw, chain),
  };
}

export async function explainSubscription(
  tx: Tx,
  workspaceId: number,
  id: string,
): Promise<Explanation> {
  const raw = await requireSubscription(tx, workspaceId, id);
  const chain = await chainOf(tx, workspaceId, text(raw, "stripe_subscription_id"));
  const explanation = explanationOf(raw, "subscription", chain);
  const tier = textOrNull(raw, "plan_tier");
  const notes = [...explanation.notes];
  if (tier === null) {
    notes.push(
      `None of its prices is mapped to a plan, so it gives no tier of its own${textOrNull(raw, "mapped_tier") === null ? "" : ` and keeps ${text(raw, "mapped_tier")}`}.`,
    );
  }
  if (raw["past_due_since"] instanceof Date) {
    notes.push(`Past due since ${instantOf(raw, "past_due_since")}; grace counts from there.`);
  }
  return { ...explanation, notes };
}

export async function explainInvoice(
  tx: Tx,
  workspaceId: number,
  id: string,
): Promise<Explanation> {
  const raw = await requireInvoice(tx, workspaceId, id);
  return explanationOf(
    raw,
    "invoice",
    await chainOf(tx, workspaceId, text(raw, "stripe_invoice_id")),
  );
}

/** Why an organization has its tier and its names. */
export async function explainCustomer(
  tx: Tx,
  workspaceId: number,
  anyId: string,
): Promise<Explanation> {
  const id = await requireOrganization(tx, workspaceId, anyId);
  const found = await tx.client.query<Raw>("select * from organizations where id = $1", [id]);
  const raw: Raw = found.rows[0] ?? {};
  const customers = await tx.client.query<Raw>(
    "select * from organization_provider_ids where organization_id = $1 order by created_at",
    [id],
  );
  const subscriptions = await tx.client.query<Raw>(
    "select stripe_subscription_id, status, plan_tier, mapped_tier from subscriptions where organization_id = $1 order by created_at desc limit 20",
    [id],
  );
  const because = textOrNull(raw, "tier_because");
  const chain: Raw[] = [];
  for (const customer of customers.rows) {
    chain.push(...(await chainOf(tx, workspaceId, text(customer, "provider_customer_id"))));
  }
  const first = customers.rows[0];
  const by = first === undefined ? null : textOrNull(first, "source");
  const typed = text(raw, "source").startsWith("psql:") ? text(raw, "source") : null;
  return {
    kind: "customer",
    id,
    providerId: first === undefined ? id : text(first, "provider_customer_id"),
    organizationId: id,
    summary: `${text(raw, "name")} is on ${text(raw, "plan_tier")}${because === null ? "" : ` since ${because}`}.`,
    source: textOrNull(raw, "source") ?? by ?? "",
    fields: [
      fieldSetBy("tier", raw["plan_tier"], because, instantOrNull(raw, "tier_changed_at")),
      fieldSetBy("name", raw["name"], by, null),
      fieldSetBy("email", raw["email"], by, null),
      fieldSetBy("locked", !isAbsent(raw["locked_at"]), null, null),
    ],
    chain: chain.map(eventView),
    notes: [
      ...subscriptions.rows.map(
        (each) =>
          `${text(each, "stripe_subscription_id")} is ${text(each, "status")} and gives ${textOrNull(each, "plan_tier") ?? textOrNull(each, "mapped_tier") ?? "no tier (unmapped price)"}.`,
      ),
      ...(typed === null ? [] : [`Last typed over by ${typed}; the audit log has the line.`]),
    ],
  };
}

function fieldSetBy(name: string, value: unknown, setBy: string | null, setAt: string | null) {
  return { field: name, value: value ?? null, setBy, setByType: null, setAt };
}

/** What one event changed in the record, for its page in the inbox. */
export const recordChanges: RecordChanges = async (ctx, event) => {
  if (event.provider !== "stripe") {
    return [];
  }
  const raw = await eventRow(ctx.tx, event.workspaceId, event.externalId);
  if (raw === null) {
    return [];
  }
  const data = raw["data"];
  const detail: Raw = isRaw(data) ? data : {};
  const object = text(detail, "object");
  const id = text(raw, "object_id");
  const reason = textOrNull(detail, "reason");
  return [
    {
      table: object === "customer" ? "organizations" : `${object}s`,
      id,
      summary:
        detail["first"] === true
          ? `${id} became known by it`
          : (reason ?? `${text(raw, "fate")} to ${id}`),
      changed: changedOf(detail["changed"]),
    },
  ];
};
