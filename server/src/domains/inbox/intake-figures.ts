import type { Pool, PoolClient } from "pg";

import type { Clock } from "#platform/clock.ts";
import { int4Array, textArray } from "#platform/db/binary-arrays.ts";
import type { Log } from "#platform/log.ts";

import type { Accepted } from "./durable-log.ts";
import { CODES, rateCode } from "./rate-code.core.ts";

const FLUSH_MS = 1_000;

export interface IntakeFigures {
  arrived(event: Accepted): void;
  /** A duplicate that was answered without asking the database. */
  duplicate(event: Accepted): void;
  flush(): Promise<void>;
  stop(): Promise<void>;
}

interface FiguresDeps {
  readonly nodeId: string;
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  readonly spool?: SpoolFigures;
}

export interface SpoolFigures {
  readonly spooled: () => number;
  readonly breaker: () => string;
  /** Files that were once safe and cannot be read any more. */
  readonly damaged: () => number;
}

interface Counted {
  readonly event: Accepted;
  count: number;
}

/** Once a second: this node is alive, how much came, which duplicates were answered from memory. Figures, not facts: a crash may lose a second of them. */
export function startFigures(deps: FiguresDeps): IntakeFigures {
  let arrivals = new Map<number, number>();
  let duplicates = new Map<string, Counted>();

  const write = async (): Promise<void> => {
    const counts = [...arrivals];
    const seen = [...duplicates.values()];
    arrivals = new Map();
    duplicates = new Map();
    const client = await deps.pool.connect();
    let failed = true;
    try {
      await client.query("begin");
      await client.query("select set_config('purser.workspaces', $1, true)", [
        `{${[...new Set(seen.map(({ event }) => event.workspaceId))].join(",")}}`,
      ]);
      await writeNode(client, deps);
      await writeArrivals(client, deps, counts);
      await writeDuplicates(client, deps, seen);
      await client.query("commit");
      failed = false;
    } finally {
      client.release(failed);
    }
  };

  let running: Promise<void> | null = null;
  const flush = (): Promise<void> => {
    running ??= write()
      .catch((error: unknown) => {
        deps.log.debug({ err: error }, "The intake's figures could not be written.");
      })
      .finally(() => {
        running = null;
      });
    return running;
  };
  const timer = setInterval(() => void flush(), FLUSH_MS);
  timer.unref();
  return {
    arrived: (event) => {
      const code = rateCode(event);
      arrivals.set(code, (arrivals.get(code) ?? 0) + 1);
    },
    duplicate: (event) => {
      const key = `${String(event.endpointId)}:${event.externalId}`;
      const known = duplicates.get(key);
      if (known === undefined) {
        duplicates.set(key, { event: { ...event, body: Buffer.alloc(0) }, count: 1 });
      } else {
        known.count += 1;
      }
    },
    flush,
    stop: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}

async function writeNode(client: PoolClient, deps: FiguresDeps): Promise<void> {
  await client.query(
    `insert into inbox_nodes (id, kind, seen_at, spooled, breaker, damaged) values ($1, 'intake', $2, $3, $4, $5)
     on conflict (id) do update set seen_at = excluded.seen_at, spooled = excluded.spooled, breaker = excluded.breaker, damaged = excluded.damaged`,
    [
      deps.nodeId,
      deps.clock.now(),
      deps.spool?.spooled() ?? 0,
      deps.spool?.breaker() ?? "closed",
      deps.spool?.damaged() ?? 0,
    ],
  );
}

async function writeArrivals(
  client: PoolClient,
  deps: FiguresDeps,
  counts: readonly (readonly [number, number])[],
): Promise<void> {
  if (counts.length > 0) {
    await client.query(
      `insert into inbox_rates as r (minute, node, workspace_id, provider, lane, arrived)
       select date_trunc('minute', $1::timestamptz), $2, w, c / 16, c % 16, n from unnest($3::integer[], $4::integer[], $5::integer[]) as x(w, c, n)
       on conflict (minute, node, workspace_id, provider, lane) do update set arrived = r.arrived + excluded.arrived`,
      [
        deps.clock.now(),
        deps.nodeId,
        int4Array(counts.map(([code]) => Math.floor(code / CODES))),
        int4Array(counts.map(([code]) => code % CODES)),
        int4Array(counts.map(([, count]) => count)),
      ],
    );
  }
}

async function writeDuplicates(
  client: PoolClient,
  deps: FiguresDeps,
  seen: readonly Counted[],
): Promise<void> {
  if (seen.length > 0) {
    await client.query(
      `insert into inbox_duplicates as d (event_id, workspace_id, count, last_at)
       select e.id, e.workspace_id, x.n, $4
       from unnest($1::integer[], $2::text[], $3::integer[]) as x(endpoint, external, n)
       join inbox_events e on e.endpoint_id = x.endpoint and e.external_id = x.external collate "C" order by e.id
       on conflict (event_id) do update set count = d.count + excluded.count, last_at = excluded.last_at`,
      [
        int4Array(seen.map(({ event }) => event.endpointId)),
        textArray(seen.map(({ event }) => event.externalId)),
        int4Array(seen.map(({ count }) => count)),
        deps.clock.now(),
      ],
    );
  }
}
