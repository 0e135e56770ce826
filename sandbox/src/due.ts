import { perform } from "#sandbox/stripe/duties.ts";
import type { World } from "#sandbox/stripe/world.ts";

/** Runs everything on the sandbox's own clock that is due by now, each at its own instant, in order. */
export function runDue(w: World): number {
  const until = Math.floor(w.clock.now() / 1000);
  let ran = 0;
  for (
    let task = w.agenda.take(null, until);
    task !== undefined;
    task = w.agenda.take(null, until)
  ) {
    w.moment = task.at;
    try {
      perform(w, task.duty);
    } finally {
      w.moment = undefined;
    }
    ran += 1;
  }
  return ran;
}
