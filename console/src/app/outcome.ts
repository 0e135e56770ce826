/** What an act did, in one sentence. A secret that is shown only once is part of it. */
export function outcomeWords(summary: string, answer: unknown): string {
  const secret =
    typeof answer === "object" && answer !== null && "secret" in answer ? answer.secret : undefined;
  const done = `Done: ${summary.replace(/\.$/u, "")}.`;
  return typeof secret === "string" ? `${done} The secret is shown only now: ${secret}` : done;
}
