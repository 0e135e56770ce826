import { plural } from "../../kit/format.ts";

/** Filters of the list that a replay knows by the same name and in the same sense. */
const SAME = new Set(["type", "provider", "since"]);
const MOST_IDS = 1000;

interface Replay {
  /** What its form is filled in with. */
  readonly known: Readonly<Record<string, unknown>>;
  readonly note: string | undefined;
}

/**
 * The list as it is filtered, as the beginning of a replay. A replay knows fewer filters than the list: where one is
 * set that it does not know, the events themselves are named, so that it never takes more than what was looked at.
 */
export function replayOf(
  filters: Readonly<Record<string, string>>,
  rows: readonly { readonly id: string }[],
  hasMore: boolean,
): Replay {
  const names = Object.keys(filters);
  if (names.length === 0) {
    return { known: {}, note: undefined };
  }
  if (names.every((name) => SAME.has(name))) {
    return { known: filters, note: "Filled in with the filters of the list." };
  }
  const ids = rows.slice(0, MOST_IDS).map((row) => row.id);
  const rest = hasMore || rows.length > ids.length ? " More fit; scroll down to load them." : "";
  return {
    known: { ids },
    note: `Filled in with the ${plural(ids.length, "event")} that the list shows by its filters.${rest}`,
  };
}
