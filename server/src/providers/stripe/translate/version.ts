/** `classic`: before 2025-03-31; `basil`: since, when periods moved to the items and invoices lost their links to payments. */
export type Generation = "classic" | "basil";

const OLDEST = "2020-08-27";
const BASIL = "2025-03-31";
const NEWEST = "2026-10-28";
/** Releases within a named major only add; a later date of the newest name that we know is readable. */
const NEWEST_MAJOR = "endive";

const known = new Map<string, Generation | null>();

/** Which shapes an API version has; null for one that nobody here has seen, which is refused rather than guessed at. */
export function generationOf(version: string | null): Generation | null {
  if (version === null) {
    return null;
  }
  let generation = known.get(version);
  if (generation === undefined) {
    generation = decide(version);
    // An attacker with a valid secret could otherwise fill the map.
    if (known.size < 200) {
      known.set(version, generation);
    }
  }
  return generation;
}

function decide(version: string): Generation | null {
  const [, date, major] = /^(\d{4}-\d{2}-\d{2})(?:\.([a-z]+))?$/.exec(version) ?? [];
  if (date === undefined || date < OLDEST) {
    return null;
  }
  if (date > NEWEST && major !== NEWEST_MAJOR) {
    return null;
  }
  return date < BASIL ? "classic" : "basil";
}
