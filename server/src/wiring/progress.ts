/** The lines of a start, for people: what is being done, and how long it took. */
export interface Progress {
  step<T>(doing: string, work: () => Promise<T>): Promise<T>;
  say(line: string): void;
}

export function openProgress(
  write: (text: string) => void,
  options: { monotonicMs: () => number; live: boolean },
): Progress {
  return {
    say: (line) => {
      write(`${line}\n`);
    },
    step: async (doing, work) => {
      const startedMs = options.monotonicMs();
      if (options.live) {
        write(`  … ${doing}`);
      }
      const seconds = (): string => `${((options.monotonicMs() - startedMs) / 1000).toFixed(1)} s`;
      try {
        const result = await work();
        write(`${options.live ? "\r" : ""}  ✓ ${doing} (${seconds()})\n`);
        return result;
      } catch (error) {
        write(`${options.live ? "\r" : ""}  ✗ ${doing} (${seconds()})\n`);
        throw error;
      }
    },
  };
}
