import {
  mkdirSync,
  openSync,
  readFileSync,
  closeSync,
  fsyncSync,
  renameSync,
  writeSync,
} from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

import { type Image, readImage, writeImage } from "./image.ts";

/** What a start finds: an image, nothing, or a file that is of no use and was put aside. */
export type Found =
  | { readonly kind: "image"; readonly image: Image }
  | { readonly kind: "nothing" }
  | { readonly kind: "refused"; readonly why: string; readonly aside: string };

/** Reads the file; one that cannot be used is renamed to `<file>.bad-<stamp>` rather than written over. */
export function loadState(file: string, stamp: number): Found {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return { kind: "nothing" };
    }
    throw error;
  }
  const image = readImage(text);
  if (!("refusal" in image)) {
    return { kind: "image", image };
  }
  const aside = `${file}.bad-${stamp}`;
  renameSync(file, aside);
  return { kind: "refused", why: image.refusal, aside };
}

/** Writes the whole file or leaves the old one: into a file beside it, synced, then renamed over it. */
export async function saveState(file: string, image: Image): Promise<void> {
  const beside = `${file}.tmp`;
  mkdirSync(dirname(file), { recursive: true });
  const handle = await open(beside, "w", 0o600);
  try {
    for (const piece of writeImage(image)) {
      await handle.write(piece);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
}

/** The same without giving anything else a turn, for the end of a run: nothing may happen after the image was taken. */
export function saveStateNow(file: string, image: Image): void {
  const beside = `${file}.last.tmp`;
  mkdirSync(dirname(file), { recursive: true });
  const descriptor = openSync(beside, "w", 0o600);
  try {
    for (const piece of writeImage(image)) {
      writeSync(descriptor, piece);
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(beside, file);
}
