/** A preview says what would be done ("Replay 1 event."); these are its first words once it is done. */
const DONE: Readonly<Record<string, string>> = {
  Accept: "Accepted",
  Add: "Added",
  Begin: "Began",
  Bring: "Brought",
  Cancel: "Canceled",
  Count: "Counted",
  Create: "Created",
  End: "Ended",
  Forget: "Forgot",
  Give: "Gave",
  Let: "Let",
  Limit: "Limited",
  Make: "Made",
  Pause: "Paused",
  Remove: "Removed",
  Replay: "Replayed",
  Retry: "Put back in line",
  Revoke: "Revoked",
  Run: "Started",
  Set: "Set",
  Unmap: "Unmapped",
};

/** What an act did, in one sentence. A secret that is shown only once is part of it. */
export function outcomeWords(summary: string, answer: unknown): string {
  const secret =
    typeof answer === "object" && answer !== null && "secret" in answer ? answer.secret : undefined;
  const done = `${past(summary.trim()).replace(/\.$/u, "")}.`;
  return typeof secret === "string" ? `${done} The secret is shown only now: ${secret}` : done;
}

/** A sentence that begins with no act ("The plan is like that already") is true afterwards as well. */
function past(summary: string): string {
  const [first = ""] = summary.split(" ", 1);
  const verb = DONE[first];
  return verb === undefined ? summary : verb + summary.slice(first.length);
}
