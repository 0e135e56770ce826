import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const MODULES = join(ROOT, "node_modules");

/** A refusal for a person at a terminal: printed without a stack. */
export class Refusal extends Error {}

export function say(line) {
  process.stderr.write(`${line}\n`);
}
