import pg from "pg";

const RETRY_FIRST_MS = 250;
const RETRY_MOST_MS = 10_000;

export interface Listener {
  /** Hears `channel` from now on; may be called before or after `start`. */
  on(channel: string, heard: (payload: string) => void): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  connected(): boolean;
}

function newClient(options: { readonly url: string; readonly applicationName: string }): pg.Client {
  return new pg.Client({
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
}

/**
 * One connection that LISTENs for the whole process and comes back by itself. Notifications are
 * hints: whoever listens also polls or bounds the age of what it keeps, because those sent while the
 * connection was down are lost.
 *
 * @param onConnected called after every (re)connection, for catching up
 */
export function openListener(options: {
  readonly url: string;
  readonly applicationName: string;
  readonly onConnected?: () => void;
}): Listener {
  const channels = new Map<string, ((payload: string) => void)[]>();
  let client: pg.Client | null = null;
  let stopped = false;
  let retryMs = RETRY_FIRST_MS;
  let timer: NodeJS.Timeout | undefined;

  function lost(of: pg.Client): void {
    if (client !== of) {
      return;
    }
    client = null;
    of.end().catch(() => undefined);
    retryLater();
  }

  function retryLater(): void {
    if (stopped) {
      return;
    }
    clearTimeout(timer);
    timer = setTimeout(() => void connect(), retryMs);
    timer.unref();
    retryMs = Math.min(RETRY_MOST_MS, retryMs * 2);
  }

  async function connect(): Promise<void> {
    const fresh = newClient(options);
    client = fresh;
    fresh.on("error", () => lost(fresh));
    fresh.on("end", () => lost(fresh));
    fresh.on("notification", ({ channel, payload }) => {
      for (const heard of channels.get(channel) ?? []) {
        heard(payload ?? "");
      }
    });
    try {
      await fresh.connect();
      for (const channel of channels.keys()) {
        await fresh.query(`listen ${pg.escapeIdentifier(channel)}`);
      }
      retryMs = RETRY_FIRST_MS;
      options.onConnected?.();
    } catch {
      lost(fresh);
    }
  }

  return {
    on: (channel, heard) => {
      const known = channels.get(channel);
      channels.set(channel, [...(known ?? []), heard]);
      if (known === undefined && client !== null) {
        client.query(`listen ${pg.escapeIdentifier(channel)}`).catch(() => undefined);
      }
    },
    start: connect,
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      const last = client;
      client = null;
      await last?.end().catch(() => undefined);
    },
    connected: () => client !== null,
  };
}
