import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { missing } from "#sandbox/http/failure.ts";
import type { FormHash } from "#sandbox/http/form.ts";
import { needText, text } from "#sandbox/http/input.ts";
import { page } from "#sandbox/http/page.ts";

import type { Subscription, SubscriptionItem } from "./shapes.ts";
import { updateSubscription } from "./subscription-update.ts";
import type { World } from "./world.ts";

function find(w: World, id: string): { subscription: Subscription; item: SubscriptionItem } {
  for (const subscription of w.tables.subscriptions.values()) {
    const item = subscription.items.data.find((one) => one.id === id);
    if (item !== undefined) {
      return { subscription, item };
    }
  }
  throw missing("subscription_item", id);
}

/** Item requests are changes of their subscription: the item's members move into `items[0]`. */
function change(
  w: World,
  subscription: string,
  call: Call,
  item: readonly [string, string][],
): Subscription {
  const hash: FormHash = new Map(call.input.hash);
  const entry: FormHash = new Map(item);
  for (const key of ["price", "price_data", "quantity", "metadata", "plan"]) {
    const value = hash.get(key);
    if (value !== undefined) {
      entry.set(key, value);
      hash.delete(key);
    }
  }
  hash.set("items", new Map([["0", entry]]));
  hash.delete("subscription");
  return updateSubscription(w, subscription, { hash, path: "" });
}

function create(call: Call): SubscriptionItem {
  const { w } = call;
  const before = need(
    w.tables.subscriptions,
    "subscription",
    needText(call.input, "subscription"),
    "subscription",
  );
  const known = new Set(before.items.data.map((item) => item.id));
  const after = change(w, before.id, call, []);
  const made = after.items.data.find((item) => !known.has(item.id)) ?? after.items.data[0];
  if (made === undefined) {
    throw missing("subscription_item", "");
  }
  return made;
}

function update(call: Call): SubscriptionItem {
  const { subscription } = find(call.w, idOf(call));
  change(call.w, subscription.id, call, [["id", idOf(call)]]);
  return find(call.w, idOf(call)).item;
}

function remove(call: Call): object {
  const { subscription, item } = find(call.w, idOf(call));
  change(call.w, subscription.id, call, [
    ["id", item.id],
    ["deleted", "true"],
  ]);
  return { id: item.id, object: "subscription_item", deleted: true };
}

export const subscriptionItemRoutes: readonly Route[] = [
  route("POST", "/v1/subscription_items", "subscriptionItemCreate", create),
  route("GET", "/v1/subscription_items", "subscriptionItemList", (call) => {
    const id = text(call.input, "subscription") ?? "";
    return page(
      call,
      need(call.w.tables.subscriptions, "subscription", id, "subscription").items.data,
    );
  }),
  route("GET", "/v1/subscription_items/*", [], (call) => find(call.w, idOf(call)).item),
  route("POST", "/v1/subscription_items/*", "subscriptionItemUpdate", update),
  route("DELETE", "/v1/subscription_items/*", "subscriptionItemDelete", remove),
];
