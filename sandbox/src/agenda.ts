/** Work due at an instant of simulated time (seconds). `run` must look for itself whether it still applies. */
export interface Task {
  readonly at: number;
  readonly order: number;
  /** The test clock that governs it, or null for the sandbox's own clock. */
  readonly clockId: string | null;
  readonly run: () => void;
}

export interface Agenda {
  add(clockId: string | null, at: number, run: () => void): void;
  /** The next task of that clock due at or before `until`, removed from the agenda. */
  take(clockId: string | null, until: number): Task | undefined;
  /** Forgets a deleted test clock. */
  drop(clockId: string): void;
  size(): number;
}

/** Tasks by clock, each list kept in order of time and then of entry so that runs are repeatable. */
export function createAgenda(): Agenda {
  const lists = new Map<string | null, Task[]>();
  let order = 0;
  return {
    add: (clockId, at, run) => {
      order += 1;
      const task: Task = { at, order, clockId, run };
      const list = lists.get(clockId) ?? [];
      list.splice(place(list, at), 0, task);
      lists.set(clockId, list);
    },
    take: (clockId, until) => {
      const list = lists.get(clockId);
      const first = list?.[0];
      return list !== undefined && first !== undefined && first.at <= until
        ? list.shift()
        : undefined;
    },
    drop: (clockId) => {
      lists.delete(clockId);
    },
    size: () => [...lists.values()].reduce((sum, list) => sum + list.length, 0),
  };
}

function place(list: readonly Task[], at: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const task = list[middle];
    if (task !== undefined && task.at <= at) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
