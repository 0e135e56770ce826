interface ProblemName {
  /** As in the document's `code`: "inbox/empty-replay". */
  readonly code: string;
  readonly room: string;
  readonly name: string;
}

/** The problem that the end of an address names ("#inbox/empty-replay"); null for anything that is no code. */
export function problemOf(hash: string): ProblemName | null {
  const match = /^#(([a-z][a-z\d-]*)\/([a-z][a-z\d-]*))$/u.exec(hash);
  const [, code, room, name] = match ?? [];
  return code === undefined || room === undefined || name === undefined
    ? null
    : { code, room, name };
}
