import { LANES } from "../../app/words.ts";
import type { Filter } from "../../kit/filter-bar.tsx";
import { humanize } from "../../kit/format.ts";

const choice = (value: string) => ({ value, label: humanize(value) });

export const SEARCH = { key: "q", placeholder: "evt_…, cus_…, sub_… or a type: invoice.*" };

/** Words of the address for the list. `since` is a span back from when the list was asked for. */
export const INBOX_FILTERS: readonly Filter[] = [
  {
    key: "state",
    label: "State",
    choices: [
      "ready",
      "retrying",
      "waiting",
      "held",
      "applied",
      "ignored",
      "superseded",
      "quarantined",
      "dead",
    ].map(choice),
  },
  { key: "provider", label: "Provider", choices: ["stripe", "paddle", "twilio"].map(choice) },
  {
    key: "lane",
    label: "Lane",
    choices: Object.entries(LANES).map(([value, label]) => ({ value, label })),
  },
  {
    key: "since",
    label: "Taken in",
    choices: [
      { value: "15m", label: "in the last 15 minutes" },
      { value: "1h", label: "in the last hour" },
      { value: "6h", label: "in the last 6 hours" },
      { value: "24h", label: "in the last 24 hours" },
      { value: "7d", label: "in the last 7 days" },
    ],
  },
];

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** "6h" -> milliseconds; an instant in ISO 8601 stands for itself and gives null here. */
export function spanMs(word: string): number | null {
  const match = /^(\d+)([mhd])$/u.exec(word);
  const unit = UNIT_MS[match?.[2] ?? ""];
  return match === null || unit === undefined ? null : Number(match[1]) * unit;
}

/** Words that are no id, no type and no pattern: somebody looks for a customer. */
export function isName(typed: string): boolean {
  return !/[_.*:]/u.test(typed) || typed.includes("@");
}

/** What was typed in the search field, as the filter it means: an event's id, an object's, or a type. */
export function searchFilter(
  typed: string,
): Readonly<Partial<Record<"externalId" | "key" | "type", string>>> {
  if (typed.startsWith("evt_")) {
    return { externalId: typed };
  }
  if (/^(?:\w+:)?[a-z]{2,8}_[A-Za-z0-9]{4,}/u.test(typed) && !typed.includes(".")) {
    return { key: typed };
  }
  return { type: typed.includes("*") ? typed : `${typed}*` };
}
