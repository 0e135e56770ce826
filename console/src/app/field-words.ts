import type { FieldWords } from "../kit/form-schema.ts";
import { LANES } from "./words.ts";

/** What people read in place of a field's own name and its codes. Fields of one name mean one thing in every operation. */
export const FIELD_WORDS: Readonly<Record<string, FieldWords>> = {
  organizationId: { label: "Organization" },
  dimension: { label: "What is counted" },
  usePlan: { label: "Use the plan’s limit" },
  lane: {
    options: Object.fromEntries(
      Object.entries(LANES).map(([lane, name]) => [lane, `${name} (${lane})`]),
    ),
  },
  maxConcurrency: {
    label: "Events in work at once",
    help: "1 to 100,000, over all workers. Empty leaves it as it is.",
  },
  ratePerS: {
    label: "Events per second",
    help: "0.1 to 1,000,000. Empty leaves it as it is.",
  },
  ids: { label: "Events" },
  externalId: { label: "Event" },
  key: { label: "Concerns" },
  overlapHours: { label: "Hours of overlap" },
  failed: { label: "Only what failed" },
};
