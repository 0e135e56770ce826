import { defineProblem } from "#platform/problem.ts";

/** One answer for every refused webhook: which check failed is for the operator, not for the sender. */
export const webhookRefused = defineProblem({
  code: "inbox/webhook-refused",
  status: 400,
  title: "This webhook was not accepted.",
});
export const webhookTooLarge = defineProblem({
  code: "inbox/webhook-too-large",
  status: 413,
  title: "A webhook may have at most 1 MiB.",
});
export const webhookUnsupported = defineProblem({
  code: "inbox/webhook-content-type",
  status: 415,
  title: "This content type or encoding is not taken here.",
});
export const webhookBusy = defineProblem({
  code: "inbox/webhook-busy",
  status: 503,
  title: "The webhook could not be stored safely. Send it again later.",
});
export const unknownEvent = defineProblem({
  code: "inbox/unknown-event",
  status: 404,
  title: "There is no such event in the inbox.",
});
export const unknownEndpoint = defineProblem({
  code: "inbox/unknown-endpoint",
  status: 404,
  title: "There is no such webhook endpoint.",
});
export const installationOnly = defineProblem({
  code: "inbox/installation-only",
  status: 403,
  title: "The valves belong to the whole installation, not to one workspace.",
});
export const emptyReplay = defineProblem({
  code: "inbox/empty-replay",
  status: 422,
  title: "Say which events to replay: ids, a type, a span of time, or failed ones.",
});
