import type { Pool } from "pg";

import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";

import type { Endpoint } from "./endpoint-directory.ts";
import type { Refusal, RefusalAudit } from "./ports.ts";

const FLUSH_MS = 1_000;
/** Rows kept per endpoint; an attacker fills this and no more. */
const KEPT = 1_000;
const MAX_KINDS = 200;

export interface Refused {
  readonly endpoint: Endpoint;
  readonly refusal: Refusal;
  readonly detail: string;
  readonly bytes: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Rejections {
  note(refused: Refused): void;
  flush(): Promise<void>;
  stop(): void;
}

interface Sample extends Refused {
  readonly at: Date;
  count: number;
}

/** Sampled: one row a second, endpoint and cause, with the number it stands for. Never the body, never a signature. */
export function startRejections(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: RefusalAudit | null;
}): Rejections {
  let samples = new Map<string, Sample>();
  let flushing: Promise<void> = Promise.resolve();

  const write = async (batch: readonly Sample[]): Promise<void> => {
    const client = await deps.pool.connect();
    let failed = true;
    try {
      await client.query("begin");
      await client.query("select set_config('purser.workspaces', $1, true)", [
        `{${[...new Set(batch.map((sample) => sample.endpoint.workspaceId))].join(",")}}`,
      ]);
      for (const sample of batch) {
        await client.query(
          `insert into inbox_rejected (workspace_id, endpoint_id, at, refusal, detail, count, bytes, headers)
           values ($1, $2, $3, $4, $5, $6, $7, $8)`,
          [
            sample.endpoint.workspaceId,
            sample.endpoint.id,
            sample.at,
            sample.refusal,
            sample.detail,
            sample.count,
            sample.bytes,
            JSON.stringify(sample.headers),
          ],
        );
      }
      await client.query(
        `delete from inbox_rejected where id in (
           select id from (select id, row_number() over (partition by endpoint_id order by id desc) as place
             from inbox_rejected where endpoint_id = any($1)) ranked where place > $2)`,
        [batch.map((sample) => sample.endpoint.id), KEPT],
      );
      await client.query("commit");
      failed = false;
    } finally {
      client.release(failed);
    }
    for (const sample of batch) {
      await deps.audit?.({
        workspaceId: sample.endpoint.workspaceId,
        endpointId: sample.endpoint.id,
        provider: sample.endpoint.provider,
        refusal: sample.refusal,
        detail: sample.detail,
        at: sample.at,
        count: sample.count,
      });
    }
  };

  const flush = (): Promise<void> => {
    const batch = [...samples.values()];
    if (batch.length > 0) {
      samples = new Map();
      flushing = flushing.then(() =>
        write(batch).catch((error: unknown) => {
          deps.log.warn(
            { err: error, refused: batch.length },
            "Refused webhooks could not be recorded.",
          );
        }),
      );
    }
    return flushing;
  };
  const timer = setInterval(() => void flush(), FLUSH_MS);
  timer.unref();
  return {
    note: (refused) => {
      const key = `${String(refused.endpoint.id)}:${refused.refusal}`;
      const known = samples.get(key);
      if (known !== undefined) {
        known.count += 1;
      } else if (samples.size < MAX_KINDS) {
        samples.set(key, { ...refused, at: deps.clock.now(), count: 1 });
      }
    },
    flush,
    stop: () => {
      clearInterval(timer);
    },
  };
}
