import type { Changed } from "./fold.core.ts";
import type { Change, Snapshot } from "./model.ts";

/** What the fold made of an event, as far as its row tells it. */
export interface Told {
  readonly fate: "applied" | "superseded" | "waiting";
  readonly by: string | null;
  readonly reason: string | null;
  readonly changed: Changed;
  readonly first: boolean;
  readonly organizationId: string | null;
}

/** The ids that an event's row is found by, beside its own object's. */
function related(snapshot: Snapshot): Readonly<Record<string, string | null>> {
  switch (snapshot.kind) {
    case "subscription":
      return { customer: snapshot.customer, status: snapshot.status };
    case "invoice":
      return {
        customer: snapshot.customer,
        subscription: snapshot.subscription,
        status: snapshot.status,
      };
    case "payment_intent":
      return { customer: snapshot.customer, invoice: snapshot.invoice, status: snapshot.status };
    case "charge":
      return {
        customer: snapshot.customer,
        payment_intent: snapshot.paymentIntent,
        invoice: snapshot.invoice,
        status: snapshot.status,
      };
    case "refund":
      return { charge: snapshot.charge, status: snapshot.status };
    case "dispute":
      return { charge: snapshot.charge, status: snapshot.status };
    case "invoice_payment":
      return { invoice: snapshot.invoice, payment: snapshot.payment, status: snapshot.status };
    case "price":
      return { product: snapshot.product };
    case "customer":
    case "product":
      return {};
  }
}

/** The row of `subscription_events` for one event: ids and changed fields, never the body. */
export function eventRowOf(change: Change, told: Told, nowMs: number) {
  const { stamp, snapshot } = change;
  const data = {
    object: snapshot.kind,
    id: snapshot.id,
    ...related(snapshot),
    ...(told.first ? { first: true } : {}),
    ...(told.by === null ? {} : { by: told.by }),
    ...(told.reason === null ? {} : { reason: told.reason }),
    changed: told.changed,
  };
  return {
    workspaceId: stamp.workspaceId,
    organizationId: told.organizationId,
    eventId: stamp.eventId,
    eventType: stamp.eventType,
    objectId: snapshot.id,
    fate: told.fate,
    data: JSON.stringify(data),
    atSeconds: stamp.atSeconds,
    receivedAtMs: stamp.receivedAtMs,
    processedAtMs: told.fate === "waiting" ? null : nowMs,
    error: null,
  };
}
