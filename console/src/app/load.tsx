import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Bones } from "../kit/bones.tsx";
import { ErrorState } from "../kit/error-state.tsx";
import { When } from "../kit/when.tsx";
import { failureOf } from "./client.ts";

interface LoadProps<Data> {
  readonly query: UseQueryResult<Data>;
  readonly label: string;
  readonly lines?: number;
  readonly children: (data: Data) => ReactNode;
}

/** Shape while it comes, words when it fails, and the old answer with its age when only the newest try failed. */
export function Load<Data>({ query, label, lines = 6, children }: LoadProps<Data>) {
  if (query.data !== undefined) {
    return (
      <>
        {query.error === null ? null : (
          <p className="banner" data-tone="warn" role="status">
            <span>
              This is from <When at={query.dataUpdatedAt} />: {failureOf(query.error).title}
            </span>
          </p>
        )}
        {children(query.data)}
      </>
    );
  }
  if (query.error !== null) {
    return <ErrorState failure={failureOf(query.error)} onRetry={() => void query.refetch()} />;
  }
  return <Bones lines={lines} label={label} />;
}
