import type { Preview } from "purser/operation";

type Values = Readonly<Record<string, unknown>>;

/** The input that takes an act back, worked out from what was there before it. Only for acts that a second run truly reverses. */
const REVERSED: Readonly<Record<string, (input: Values, before: Values) => Values | null>> = {
  "inbox.controls.set": (input, before) => ({
    provider: input["provider"],
    lane: input["lane"],
    ...before,
  }),
  "quotas.set": (input, before) => {
    if (input["usage"] !== undefined) {
      return null; // usage goes on counting: setting the old figure would take away what was used since
    }
    const same = { organizationId: input["organizationId"], dimension: input["dimension"] };
    return before["limit_source"] === "plan"
      ? { ...same, usePlan: true }
      : { ...same, limit: before["quota_limit"] };
  },
};

/** Null where there is no way back, or no way that is certain. */
export function reverseOf(preview: Preview, input: Values): Values | null {
  const [only, ...more] = preview.changes;
  const before = only?.before;
  if (before === undefined || before === null || more.length > 0) {
    return null;
  }
  return REVERSED[preview.operation]?.(input, before) ?? null;
}
