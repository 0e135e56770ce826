import { randomBytes } from "node:crypto";

import type { Pool } from "pg";

/** What the console asks anew when it hears of it. */
export const TOPICS = ["inbox", "record", "jobs", "controls"] as const;
export type Topic = (typeof TOPICS)[number];

const POLL_MS = 1_000;
/** Several hints within this time are one. */
const GATHER_MS = 200;

/** Tables whose writes mean that a topic has changed. */
const TABLES: Readonly<Record<Topic, readonly string[]>> = {
  inbox: ["inbox_events", "inbox_work", "inbox_outcomes", "inbox_rejected", "inbox_conflicts"],
  record: [
    "organizations",
    "subscriptions",
    "invoices",
    "payments",
    "refunds",
    "disputes",
    "usage_quotas",
    "plans",
    "plan_prices",
  ],
  jobs: ["job_runs", "job_schedules"],
  controls: ["inbox_controls", "endpoints", "endpoint_secrets", "audit_entries"],
};

export interface StreamEvent {
  /** `<process>-<number>`: where a client that comes back goes on. */
  readonly id: string;
  readonly topic: Topic;
}

export interface StreamHub {
  /**
   * Hears of changes from now on. A client that comes back with the id of the last event it saw is
   * told at once of every topic that changed meanwhile; with an id of another process, of all.
   *
   * @returns how to stop
   */
  subscribe(lastId: string | null, send: (event: StreamEvent) => void): () => void;
  /** Something changed, as a notification or our own process knows; need not be exact. */
  hint(topic: Topic): void;
  /** Looks at the database once; the timer does so every second while anybody listens. */
  poll(): Promise<void>;
  clients(): number;
  close(): void;
}

/**
 * Tells that something changed, not what: the console asks again for what it shows, with the rights
 * of its person, so nothing can leak through the stream and nothing is lost when it breaks.
 *
 * Changes are seen in Postgres' own counters of written rows (one cheap query a second for the whole
 * process, whoever wrote, psql included), and sooner by hints.
 */
export function openStreamHub(deps: {
  readonly pool: Pool;
  readonly onError: (error: unknown) => void;
}): StreamHub {
  const boot = randomBytes(4).toString("hex");
  const clients = new Set<(event: StreamEvent) => void>();
  const changedAt = new Map<Topic, number>(TOPICS.map((topic) => [topic, 0]));
  let written: ReadonlyMap<Topic, number> = new Map();
  let number = 0;
  let timer: NodeJS.Timeout | undefined;
  let polling = false;

  function tell(topic: Topic): void {
    number += 1;
    changedAt.set(topic, number);
    const event = { id: `${boot}-${number}`, topic };
    for (const send of clients) {
      send(event);
    }
  }

  const gathered = gatherTopics(tell);

  async function poll(): Promise<void> {
    if (polling) {
      return;
    }
    polling = true;
    try {
      const now = await writtenRows(deps.pool);
      for (const [topic, rows] of now) {
        const before = written.get(topic);
        if (before !== undefined && before !== rows) {
          gathered.add(topic);
        }
      }
      written = now;
    } catch (error) {
      deps.onError(error);
    } finally {
      polling = false;
    }
  }

  function subscribe(lastId: string | null, send: (event: StreamEvent) => void): () => void {
    const blind = timer === undefined; // nobody listened, so nobody looked
    clients.add(send);
    if (blind) {
      timer = setInterval(() => void poll(), POLL_MS);
      timer.unref();
      void poll();
    }
    for (const topic of missedSince(lastId, blind ? null : boot, changedAt)) {
      send({ id: `${boot}-${number}`, topic });
    }
    return () => {
      clients.delete(send);
      if (clients.size === 0) {
        clearInterval(timer);
        timer = undefined;
        written = new Map(); // the next first client begins with a fresh look
      }
    };
  }

  return {
    subscribe,
    hint: (topic) => gathered.add(topic),
    poll,
    clients: () => clients.size,
    close: () => {
      clearInterval(timer);
      gathered.stop();
      clients.clear();
    },
  };
}

/** Many hints in a short time become one event each. */
function gatherTopics(tell: (topic: Topic) => void): {
  add(topic: Topic): void;
  stop(): void;
} {
  const topics = new Set<Topic>();
  let timer: NodeJS.Timeout | undefined;
  return {
    add: (topic) => {
      topics.add(topic);
      timer ??= setTimeout(() => {
        timer = undefined;
        const all = [...topics];
        topics.clear();
        all.forEach(tell);
      }, GATHER_MS);
    },
    stop: () => clearTimeout(timer),
  };
}

/** Topics that changed after the event that a client saw last. Where nobody looked meanwhile (`boot` null), all may have. */
function missedSince(
  lastId: string | null,
  boot: string | null,
  changedAt: ReadonlyMap<Topic, number>,
): readonly Topic[] {
  if (lastId === null) {
    return [];
  }
  const [process, seen] = lastId.split("-");
  if (process !== boot) {
    return TOPICS;
  }
  return TOPICS.filter((topic) => (changedAt.get(topic) ?? 0) > Number(seen));
}

async function writtenRows(pool: Pool): Promise<ReadonlyMap<Topic, number>> {
  const names = TOPICS.flatMap((topic) => TABLES[topic]);
  const result = await pool.query<{ name: string; written: number }>({
    name: "watch_written_rows",
    text: `select relname as name, n_tup_ins + n_tup_upd + n_tup_del as written
      from pg_stat_user_tables where relname = any ($1::text[])`,
    values: [names],
  });
  const byName = new Map(result.rows.map((row) => [row.name, row.written]));
  return new Map(
    TOPICS.map((topic) => [
      topic,
      TABLES[topic].reduce((sum, name) => sum + (byName.get(name) ?? 0), 0),
    ]),
  );
}
