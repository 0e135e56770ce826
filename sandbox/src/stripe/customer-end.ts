import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";

import { emit } from "./events.ts";
import { endSubscription } from "./subscription-state.ts";

/** Deleting a customer cancels what he subscribed to first. */
function remove(call: Call): object {
  const { w } = call;
  const customer = need(w.tables.customers, "customer", idOf(call));
  for (const subscription of w.tables.subscriptions.values()) {
    if (
      subscription.customer === customer.id &&
      subscription.status !== "canceled" &&
      subscription.status !== "incomplete_expired"
    ) {
      endSubscription(w, subscription, { reason: "cancellation_requested" });
    }
  }
  w.tables.customers.delete(customer.id);
  w.secrets.tombstones.set(customer.id, "customer");
  emit(w, "customer.deleted", customer, customer.test_clock ?? null);
  return { id: customer.id, object: "customer", deleted: true };
}

export const customerEndRoutes: readonly Route[] = [route("DELETE", "/v1/customers/*", [], remove)];
