import pg from "pg";

/** int8 arrives as text in node-postgres; every count and id of ours stays far below 2^53, and one above it must not be rounded in silence. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`An int8 left the safe range: ${text}.`);
  }
  return value;
}
pg.types.setTypeParser(pg.types.builtins.INT8, parseInt8);

export interface PoolOptions {
  readonly url: string;
  /** NOLOGIN role that every connection of this pool takes at connect; null where the database has no roles of ours (single-role fallback). */
  readonly role: string | null;
  readonly max: number;
  readonly applicationName: string;
  readonly statementTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly onError: (error: Error) => void;
}

/** A pool whose connections hold one role for life, so a forgotten `set role` cannot widen what a door may do. */
export function openPool(options: PoolOptions): pg.Pool {
  const settings = [
    options.role === null ? null : `-c role=${options.role}`,
    `-c statement_timeout=${options.statementTimeoutMs ?? 30_000}`,
    "-c idle_in_transaction_session_timeout=15000",
    "-c lock_timeout=10000",
    "-c timezone=UTC",
  ];
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    idleTimeoutMillis: 30_000,
    options: settings.filter((setting) => setting !== null).join(" "),
    keepAlive: true,
  });
  // An idle connection that the server closes raises 'error' on the pool; unheard it would end the process.
  pool.on("error", options.onError);
  // So does a connection in use that breaks, and there the pool does not listen. Its query is rejected all the same.
  pool.on("connect", (client) => {
    client.on("error", options.onError);
  });
  return pool;
}
