import type { Pool } from "pg";

import type { Clock } from "#platform/clock.ts";
import type { WorkspaceRef } from "#platform/context.ts";
import { Problem, notFound } from "#platform/problem.ts";

/** The workspaces of this installation; there are few and they change by the year, so they are remembered for a while. */
export interface Workspaces {
  readonly byId: (id: number) => Promise<WorkspaceRef>;
  /** The default one first. */
  readonly all: () => Promise<readonly WorkspaceRef[]>;
  readonly default: () => Promise<WorkspaceRef>;
}

const REMEMBER_MS = 5_000;

interface Row {
  readonly id: number;
  readonly public_id: string;
  readonly slug: string;
}

export function openWorkspaces(pool: () => Pool, clock: Clock): Workspaces {
  let known: readonly WorkspaceRef[] = [];
  let knownAtMs = Number.NEGATIVE_INFINITY;
  const all = async (): Promise<readonly WorkspaceRef[]> => {
    if (clock.monotonicMs() - knownAtMs > REMEMBER_MS) {
      const { rows } = await pool().query<Row>(
        "select id, public_id, slug from workspaces order by is_default desc, id",
      );
      known = rows.map((row) => ({ id: row.id, publicId: row.public_id, slug: row.slug }));
      knownAtMs = clock.monotonicMs();
    }
    return known;
  };
  return {
    all,
    default: async () => {
      const [first] = await all();
      if (first === undefined) {
        throw new Problem(notFound, "There is no workspace yet.");
      }
      return first;
    },
    byId: async (id) => {
      const find = (list: readonly WorkspaceRef[]): WorkspaceRef | undefined =>
        list.find((each) => each.id === id);
      let found = find(await all());
      if (found === undefined) {
        knownAtMs = Number.NEGATIVE_INFINITY; // one made a moment ago by another process
        found = find(await all());
      }
      if (found === undefined) {
        throw new Problem(notFound, `No workspace has the number ${id}.`);
      }
      return found;
    },
  };
}
