import { saveState, saveStateNow } from "./file.ts";
import type { Image } from "./image.ts";

const EVERY_MS = 10_000;
/** A big world is written less often, so that writing takes at most this share of the time. */
const SHARE = 0.05;

export interface Keeper {
  /** Waits for a save under way, then writes the last image at once. */
  stop(): Promise<void>;
}

export interface KeeperOptions {
  readonly file: string;
  readonly take: (clean: boolean) => Image;
  /** Differs whenever there is something new to save. */
  readonly mark: () => string;
  readonly wall: () => number;
  readonly everyMs?: number;
}

/**
 * Saves the world now, every ten seconds while it changes, and at the end. Only the last image is marked clean; the
 * first one sees to it that a run that crashes before the second does not leave a clean one of its predecessor behind.
 */
export function startKeeper(options: KeeperOptions): Keeper {
  const { file, take, mark, wall } = options;
  let saved = mark();
  let busy: Promise<void> | null = null;
  let notBefore = 0;
  saveStateNow(file, take(false));
  const save = async (): Promise<void> => {
    const begun = wall();
    saved = mark();
    try {
      await saveState(file, take(false));
    } catch (error) {
      saved = "";
      process.stderr.write(
        `${JSON.stringify({ level: "error", error: `the state was not saved: ${String(error)}` })}\n`,
      );
    }
    notBefore = wall() + (wall() - begun) / SHARE;
    busy = null;
  };
  const timer = setInterval(() => {
    if (busy === null && wall() >= notBefore && mark() !== saved) {
      busy = save();
    }
  }, options.everyMs ?? EVERY_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await busy;
      saveStateNow(file, take(true));
    },
  };
}
