import type { SQL } from "drizzle-orm";
import { type NodePgDatabase, drizzle } from "drizzle-orm/node-postgres";
import type { Pool, PoolClient } from "pg";

/**
 * One transaction. `db` is for ordinary typed queries; `client` is the same connection for the
 * few hot statements that are sent as named prepared statements with binary arrays.
 */
export interface Tx {
  readonly db: Pick<NodePgDatabase, "select" | "insert" | "update" | "delete" | "execute" | "with">;
  readonly client: PoolClient;
}

/** For who opened the transaction on this connection himself: the inbox holds its fence there first. */
export function txOn(client: PoolClient): Tx {
  return { db: drizzle({ client }), client };
}

/** Rows of a hand-written statement. The caller states the row's shape because SQL cannot tell the compiler. */
export async function rowsOf<Row extends object>(tx: Tx, statement: SQL): Promise<Row[]> {
  const result = await tx.db.execute(statement);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the statement's author vouches for its columns
  return result.rows as unknown as Row[];
}

/** Whose rows the transaction may see: the workspaces' numbers. Row-level security enforces it. */
export type Scope = readonly number[];

/**
 * Opens a transaction that sees exactly the given workspaces, commits if `work` returns and rolls
 * back if it throws. READ COMMITTED: what must not race is locked by the statement that needs it.
 */
export async function inTx<T>(pool: Pool, scope: Scope, work: (tx: Tx) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query("begin");
    await client.query("select set_config('purser.workspaces', $1, true)", [
      `{${scope.join(",")}}`,
    ]);
    const result = await work({ db: drizzle({ client }), client });
    await client.query("commit");
    return result;
  } catch (error) {
    try {
      await client.query("rollback");
    } catch (rollbackError) {
      // The connection itself is gone: the server rolls back by itself, the pool must drop the socket.
      broken = rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError));
    }
    throw error;
  } finally {
    client.release(broken);
  }
}
