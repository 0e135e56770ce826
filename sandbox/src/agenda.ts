/** Work due at an instant of simulated time (seconds). Whoever does it must look whether it still applies. */
export interface Task<Duty> {
  readonly at: number;
  /** The test clock that governs it, or null for the sandbox's own clock. */
  readonly clockId: string | null;
  readonly duty: Duty;
}

export interface Agenda<Duty> {
  add(clockId: string | null, at: number, duty: Duty): void;
  /** The next task of that clock due at or before `until`, removed from the agenda. */
  take(clockId: string | null, until: number): Task<Duty> | undefined;
  /** Forgets a deleted test clock. */
  drop(clockId: string): void;
  size(): number;
  /** Everything that will fall due, by clock and in the order it will be taken; `add` in this order restores it. */
  tasks(): readonly Task<Duty>[];
}

/** Tasks by clock, each list kept in order of time and then of entry so that runs are repeatable. */
export function createAgenda<Duty>(): Agenda<Duty> {
  const lists = new Map<string | null, Task<Duty>[]>();
  return {
    add: (clockId, at, duty) => {
      const list = lists.get(clockId) ?? [];
      list.splice(place(list, at), 0, { at, clockId, duty });
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
    tasks: () => [...lists.values()].flat(),
  };
}

function place(list: readonly { readonly at: number }[], at: number): number {
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
