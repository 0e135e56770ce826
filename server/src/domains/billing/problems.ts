import { defineProblem } from "#platform/problem.ts";

export const unknownCustomer = defineProblem({
  code: "billing/unknown-customer",
  status: 404,
  title: "No customer here has this id.",
});
export const unknownSubscription = defineProblem({
  code: "billing/unknown-subscription",
  status: 404,
  title: "No subscription here has this id.",
});
export const unknownInvoice = defineProblem({
  code: "billing/unknown-invoice",
  status: 404,
  title: "No invoice here has this id.",
});
export const alreadyCanceled = defineProblem({
  code: "billing/already-canceled",
  status: 409,
  title: "The subscription has ended already.",
});
export const providerRefused = defineProblem({
  code: "billing/provider-refused",
  status: 422,
  title: "The provider refused.",
});
export const providerUnavailable = defineProblem({
  code: "billing/provider-unavailable",
  status: 503,
  title: "The provider could not be reached; nothing was changed.",
});
export const outcomeUnknown = defineProblem({
  code: "billing/outcome-unknown",
  status: 502,
  title: "The provider did not answer; whether it acted is being looked up.",
});
export const notConnected = defineProblem({
  code: "billing/not-connected",
  status: 409,
  title: "No payment provider is connected to this workspace.",
});
export const badLimits = defineProblem({
  code: "billing/bad-limits",
  status: 422,
  title: "These limits contradict the plan.",
});
export const concurrentChange = defineProblem({
  code: "billing/concurrent-change",
  status: 409,
  title: "Someone else changed this at the same moment.",
});
