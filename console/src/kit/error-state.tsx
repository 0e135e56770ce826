import { Button } from "@mantine/core";

import { IdChip } from "./id-chip.tsx";
import { ToneIcon } from "./status-pill.tsx";

import "./states.css";

/** What a person needs from a failure. The console's client turns RFC 9457 problems into this. */
export interface Failure {
  readonly title: string;
  readonly detail?: string | undefined;
  readonly status?: number | undefined;
  readonly code?: string | undefined;
  readonly requestId?: string | undefined;
}

interface ErrorStateProps {
  readonly failure: Failure;
  /** What was kept or not done, so that nobody has to guess ("Nothing was changed."). */
  readonly kept?: string;
  readonly onRetry?: (() => void) | undefined;
}

/** What happened, what was kept, what to do, and the id to quote. */
export function ErrorState({ failure, kept, onRetry }: ErrorStateProps) {
  return (
    <div className="state" role="alert">
      <h2 className="tone-word">
        <ToneIcon tone="fail" size={16} /> {failure.title}
      </h2>
      {failure.detail === undefined ? null : <p>{failure.detail}</p>}
      {kept === undefined ? null : <p>{kept}</p>}
      {onRetry === undefined ? null : (
        <div className="state-actions">
          <Button onClick={onRetry}>Try again</Button>
        </div>
      )}
      <FailureRef failure={failure} />
    </div>
  );
}

/** Code and request id in one quiet line. */
export function FailureRef({ failure }: { readonly failure: Failure }) {
  if (failure.requestId === undefined && failure.code === undefined) {
    return null;
  }
  return (
    <p className="state-ref">
      {failure.code === undefined ? null : (
        <>
          <code>{failure.code}</code>{" "}
        </>
      )}
      {failure.requestId === undefined ? null : (
        <>
          request <IdChip id={failure.requestId} keep={40} />
        </>
      )}
    </p>
  );
}
