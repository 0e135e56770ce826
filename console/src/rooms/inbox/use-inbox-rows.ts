import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type inboxEventRow, inboxList } from "purser/contract/inbox";
import { useMemo } from "react";
import type { z } from "zod";

import { call } from "../../app/client.ts";
import { usePages } from "../../app/queries.ts";
import { nowMs } from "../../kit/clock.ts";
import { searchFilter, SEARCH, spanMs } from "./inbox-filters.ts";
import { replayOf } from "./replay-of.ts";

export type EventRow = z.output<typeof inboxEventRow>;

const NEWER_ROWS = 200;

/** Ids are growing numbers in text. */
function isNewer(id: string, than: string): boolean {
  return id.length === than.length ? id > than : id.length > than.length;
}

/** The filters of the address as the operation's input. */
function useFilters(get: (key: string) => string | null) {
  const [q, state, provider, lane, since] = [
    get(SEARCH.key),
    get("state"),
    get("provider"),
    get("lane"),
    get("since"),
  ];
  return useMemo(() => {
    const span = since === null ? null : spanMs(since);
    const from = span === null ? since : new Date(nowMs() - span).toISOString();
    return Object.fromEntries(
      Object.entries({
        ...(q === null ? {} : searchFilter(q)),
        state,
        provider,
        lane,
        since: from,
      }).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
    );
  }, [q, state, provider, lane, since]);
}

/**
 * The list as it was asked for, and beside it the newest page, asked for again when something happens: it brings the
 * states of rows that are shown up to date in place, and counts what came since. Rows never move by themselves.
 */
export function useInboxRows(get: (key: string) => string | null) {
  const client = useQueryClient();
  const filters = useFilters(get);
  const { query, table } = usePages(inboxList, filters);
  const newest = useQuery({
    queryKey: [inboxList.name, "newer", filters],
    queryFn: ({ signal }) => call(inboxList, { ...filters, limit: NEWER_ROWS }, { signal }),
    enabled: query.data !== undefined,
    refetchInterval: 10_000,
  });
  const rows = useMemo(() => {
    const fresh = new Map((newest.data?.items ?? []).map((row) => [row.id, row]));
    return table.rows.map((row) => fresh.get(row.id) ?? row);
  }, [newest.data, table.rows]);
  const first = rows[0]?.id ?? "";
  const newer = (newest.data?.items ?? []).filter((row) => isNewer(row.id, first));
  const show = () => {
    const key = [inboxList.name, "pages", filters];
    client.setQueryData(key, (before: { pages: unknown[]; pageParams: unknown[] } | undefined) =>
      before === undefined
        ? before
        : { pages: before.pages.slice(0, 1), pageParams: before.pageParams.slice(0, 1) },
    );
    void client.invalidateQueries({ queryKey: key });
  };
  return {
    table: { ...table, rows },
    waiting: { count: newer.length, more: newer.length === NEWER_ROWS, show },
    replay: replayOf(filters, rows, table.hasMore),
  };
}
