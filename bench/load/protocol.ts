export interface Story {
  /** Makes the ids of one run its own. */
  readonly tag: string;
  /** Unix seconds at which the story begins. */
  readonly epochS: number;
}

export interface LoadOrder {
  readonly kind: "order";
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** Numbers of the story to send: from, up to and without `to`, every `step`-th. */
  readonly story: Story;
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly catalogue: boolean;
  /** null: until all are sent. */
  readonly seconds: number | null;
  /** Left out of rate and latency. */
  readonly warmupS: number;
  /** Pause of a connection between an answer and its next request. */
  readonly pauseMs: number;
  readonly wantIds: boolean;
}

export interface LoadResult {
  readonly kind: "result";
  readonly sent: number;
  readonly acked: number;
  readonly ackedIds: readonly string[];
  readonly refused: Readonly<Record<string, number>>;
  readonly perSecond: number;
  readonly windowS: number;
  /** Milliseconds from the first byte written to the whole answer. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
  /** All prepared events were sent before the time was over. */
  readonly exhausted: boolean;
  readonly startWallMs: number;
  readonly cpuS: number;
}

function hasKind(message: unknown, kind: string): boolean {
  return (
    typeof message === "object" && message !== null && "kind" in message && message.kind === kind
  );
}

export function isOrder(message: unknown): message is LoadOrder {
  return hasKind(message, "order");
}

export function isReady(message: unknown): boolean {
  return hasKind(message, "ready");
}

export function isResult(message: unknown): message is LoadResult {
  return hasKind(message, "result");
}
