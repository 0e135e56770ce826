import {
  keepPreviousData,
  QueryClient,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import type { Operation } from "purser/operation";
import { useEffect } from "react";
import type { z } from "zod";

import { ApiFailure, call, failureOf } from "./client.ts";
import { connectStream, type Topic } from "./stream.ts";

/** What a topic makes old. `inbox.list` is left out on purpose: new rows wait behind "12 new". */
const MADE_OLD: Readonly<Record<Topic, readonly string[]>> = {
  inbox: ["today.", "inbox.backlog", "inbox.show"],
  record: ["today.", "customers.", "subscriptions.", "invoices.", "payments.", "quotas.", "plans."],
  jobs: ["today.", "jobs."],
  controls: ["today.", "inbox.controls", "inbox.backlog"],
};
const GATHER_MS = 1_000;
const POLL_MS = 20_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      gcTime: 10 * 60_000,
      retry: (count, error) =>
        count < 2 && !(error instanceof ApiFailure && error.status !== undefined),
      refetchOnWindowFocus: true,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

/** Any operation's answer, kept by its name and input. */
export function useOperation<Input extends z.ZodType, Output extends z.ZodType>(
  operation: Operation<Input, Output>,
  input: z.input<Input>,
  options: { readonly enabled?: boolean; readonly poll?: boolean; readonly keep?: boolean } = {},
) {
  return useQuery<z.output<Output>>({
    queryKey: [operation.name, input],
    queryFn: ({ signal }) => call(operation, input, { signal }),
    enabled: options.enabled ?? true,
    ...(options.poll === true ? { refetchInterval: POLL_MS } : {}),
    ...(options.keep === true ? { placeholderData: keepPreviousData } : {}),
  });
}

interface PageOf<Row> {
  readonly items: readonly Row[];
  readonly nextCursor: string | null;
}

const PAGE_ROWS = 100;

/** All pages of a list that were asked for so far, as one list for a DataTable. */
export function usePages<Input extends z.ZodType, Row>(
  operation: Operation<Input, z.ZodType<PageOf<Row>>>,
  input: Readonly<Record<string, string | number | undefined>>,
) {
  const query = useInfiniteQuery({
    queryKey: [operation.name, "pages", input],
    queryFn: ({ pageParam, signal }) =>
      call(
        operation,
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every list takes limit and cursor (pageInput)
        { limit: PAGE_ROWS, ...input, cursor: pageParam } as z.input<Input>,
        { signal },
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.nextCursor ?? undefined,
    placeholderData: keepPreviousData,
  });
  const rows = query.data?.pages.flatMap((page) => page.items) ?? [];
  const failed = query.error !== null && query.data === undefined;
  return {
    query,
    table: {
      rows,
      status: query.data !== undefined ? "ready" : failed ? "error" : "loading",
      failure: failed ? failureOf(query.error) : undefined,
      stale:
        query.error !== null && query.data !== undefined
          ? { atMs: query.dataUpdatedAt, why: failureOf(query.error).title }
          : undefined,
      onRetry: () => void query.refetch(),
      hasMore: query.hasNextPage,
      onMore: () => void (query.isFetchingNextPage ? undefined : query.fetchNextPage()),
    } as const,
  };
}

/** Keeps what is shown true while the page is open: one stream, and at most one refetch a second for each answer. */
export function useLiveQueries(): void {
  const client = useQueryClient();
  useEffect(() => {
    const waiting = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      timer = undefined;
      const names = [...waiting];
      waiting.clear();
      void client.invalidateQueries({
        predicate: ({ queryKey }) =>
          names.some((name) => String(queryKey[0]).startsWith(name)) ||
          (queryKey[1] === "newer" && names.includes("inbox.backlog")),
      });
    };
    const end = connectStream((topic) => {
      for (const name of MADE_OLD[topic]) {
        waiting.add(name);
      }
      timer ??= setTimeout(flush, GATHER_MS);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [client]);
}
