import type { Tone } from "../kit/status-pill.tsx";

const SUBSCRIPTION: Readonly<Record<string, Tone>> = {
  active: "ok",
  trialing: "ok",
  past_due: "warn",
  incomplete: "warn",
  unpaid: "fail",
  incomplete_expired: "neutral",
  canceled: "neutral",
  paused: "held",
};
const MONEY: Readonly<Record<string, Tone>> = {
  paid: "ok",
  succeeded: "ok",
  won: "ok",
  open: "warn",
  processing: "warn",
  pending: "warn",
  requires_action: "warn",
  requires_payment_method: "fail",
  failed: "fail",
  lost: "fail",
  needs_response: "fail",
  uncollectible: "fail",
  draft: "neutral",
  void: "neutral",
  deleted: "neutral",
  canceled: "neutral",
};
const EVENT: Readonly<Record<string, Tone>> = {
  applied: "ok",
  done: "ok",
  ready: "neutral",
  waiting: "neutral",
  ignored: "neutral",
  superseded: "neutral",
  held: "held",
  retrying: "warn",
  failed: "fail",
  quarantined: "fail",
  dead: "fail",
};

export function subscriptionTone(status: string): Tone {
  return SUBSCRIPTION[status] ?? "unknown";
}
export function moneyTone(status: string): Tone {
  return MONEY[status] ?? "unknown";
}
export function eventTone(state: string): Tone {
  return EVENT[state] ?? "unknown";
}

/** `past_due` -> "past due": the provider's word, readable. */
export function plain(word: string): string {
  return word.replaceAll("_", " ");
}

export const LANES: Readonly<Record<string, string>> = {
  0: "Compliance",
  1: "Money",
  5: "Rest",
  9: "Replay",
};
