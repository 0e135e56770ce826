import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid } from "#sandbox/http/failure.ts";
import { needInt, nullable } from "#sandbox/http/input.ts";
import { page } from "#sandbox/http/page.ts";

import { perform } from "./duties.ts";
import { emit } from "./events.ts";
import type { TestClock } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

const DAYS_KEPT = 30;
const DAY = 86_400;
const STATUS_READY = {};

function create(call: Call): TestClock {
  const { w, input } = call;
  const created = nowOf(w, null);
  const clock: TestClock = {
    id: newId(w, "clock"),
    object: "test_helpers.test_clock",
    created,
    deletes_after: created + DAYS_KEPT * DAY,
    frozen_time: needInt(input, "frozen_time"),
    livemode: false,
    name: nullable(input, "name") ?? null,
    status: "ready",
    status_details: STATUS_READY,
  };
  w.tables.testClocks.set(clock.id, clock);
  emit(w, "test_helpers.test_clock.created", clock);
  return clock;
}

/**
 * Moves a test clock: everything due on it runs in order, each at its own instant. Stripe does this in the background
 * and answers `advancing`; here it is done when the answer leaves, which only makes polling short.
 */
function advance(call: Call): TestClock {
  const { w } = call;
  const before = need(w.tables.testClocks, "test clock", idOf(call));
  const target = needInt(call.input, "frozen_time");
  if (target <= before.frozen_time) {
    throw invalid(
      "The test clock can only be advanced to a time after its current frozen time.",
      "frozen_time",
    );
  }
  const advancing = amend(w.tables.testClocks, before, {
    status: "advancing",
    status_details: { advancing: { target_frozen_time: target } },
  });
  emit(w, "test_helpers.test_clock.advancing", advancing);
  const answer = advancing;
  runClock(w, before.id, target);
  const now = need(w.tables.testClocks, "test clock", before.id);
  const ready = amend(w.tables.testClocks, now, {
    frozen_time: target,
    status: "ready",
    status_details: STATUS_READY,
  });
  emit(w, "test_helpers.test_clock.ready", ready);
  return { ...answer };
}

function runClock(w: World, id: string, target: number): void {
  for (let task = w.agenda.take(id, target); task !== undefined; task = w.agenda.take(id, target)) {
    const clock = w.tables.testClocks.get(id);
    if (clock !== undefined) {
      amend(w.tables.testClocks, clock, { frozen_time: Math.max(clock.frozen_time, task.at) });
    }
    perform(w, task.duty);
  }
}

/** Deletes a test clock with its customers and their subscriptions. */
function remove(call: Call): object {
  const { w } = call;
  const clock = need(w.tables.testClocks, "test clock", idOf(call));
  w.tables.testClocks.delete(clock.id);
  w.agenda.drop(clock.id);
  for (const customer of [...w.tables.customers.values()].filter(
    (one) => one.test_clock === clock.id,
  )) {
    w.tables.customers.delete(customer.id);
    w.secrets.tombstones.set(customer.id, "customer");
  }
  for (const subscription of [...w.tables.subscriptions.values()].filter(
    (one) => one.test_clock === clock.id,
  )) {
    w.tables.subscriptions.delete(subscription.id);
  }
  emit(w, "test_helpers.test_clock.deleted", clock);
  return { id: clock.id, object: "test_helpers.test_clock", deleted: true };
}

export const testClockRoutes: readonly Route[] = [
  route("POST", "/v1/test_helpers/test_clocks", "testClockCreate", create),
  route("GET", "/v1/test_helpers/test_clocks", "testClockList", (call) =>
    page(call, call.w.tables.testClocks.values()),
  ),
  route("GET", "/v1/test_helpers/test_clocks/*", [], (call) =>
    need(call.w.tables.testClocks, "test clock", idOf(call)),
  ),
  route("POST", "/v1/test_helpers/test_clocks/*/advance", "testClockAdvance", advance),
  route("DELETE", "/v1/test_helpers/test_clocks/*", [], remove),
];
