/** One entry of a room's registry of refusals (RFC 9457). `code` is `room/kebab-case` and names its page in docs/reference/problems.md. */
export interface ProblemSpec {
  readonly code: string;
  readonly status: number;
  readonly title: string;
}

export function defineProblem(spec: ProblemSpec): ProblemSpec {
  return spec;
}

/** A refusal the caller can act on; the HTTP door renders it as `application/problem+json`. Never carries a secret or an inner error's text. */
export class Problem extends Error {
  readonly spec: ProblemSpec;
  /** One sentence on this occurrence and the next step. */
  readonly detail: string | undefined;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(
    spec: ProblemSpec,
    detail?: string,
    extra: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(detail === undefined ? spec.title : `${spec.title} ${detail}`, options);
    this.name = "Problem";
    this.spec = spec;
    this.detail = detail;
    this.extra = extra;
  }
}

export const notFound = defineProblem({
  code: "platform/not-found",
  status: 404,
  title: "There is no such thing here.",
});
export const invalidInput = defineProblem({
  code: "platform/invalid-input",
  status: 400,
  title: "The input is not valid.",
});
export const unauthenticated = defineProblem({
  code: "platform/unauthenticated",
  status: 401,
  title: "Sign in or send a bearer token.",
});
export const forbidden = defineProblem({
  code: "platform/forbidden",
  status: 403,
  title: "Your role does not allow this.",
});
export const unavailable = defineProblem({
  code: "platform/unavailable",
  status: 503,
  title: "This part is out of order for the moment.",
});
export const stalePreview = defineProblem({
  code: "platform/stale-preview",
  status: 409,
  title: "This is not what the preview showed.",
});
export const previewRequired = defineProblem({
  code: "platform/preview-required",
  status: 428,
  title: "An act like this needs its preview first.",
});

export function assertNever(value: never): never {
  throw new Error(`Unreachable case: ${JSON.stringify(value)}`);
}
