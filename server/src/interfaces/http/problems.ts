import { ORPCError } from "@orpc/server";

import { Problem, invalidInput, unavailable } from "#platform/problem.ts";

/** RFC 9457, plus `code` (stable, for programs) and `requestId` (for people who ask us). */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly requestId: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  readonly [extra: string]: unknown;
}

const DOCS = "/docs/problems#";

/** SQLSTATE classes and socket errors that say "the database is away", not "the statement is wrong". */
const AWAY = /^(08|57P0|53|25006)|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOENT|EPIPE/;

/** Any error becomes the document its caller may see. What is not ours to show stays in the log under the request's id. */
export function problemDocument(error: unknown, requestId: string): ProblemDocument {
  const problem = asProblem(error);
  if (problem === null) {
    return {
      type: `${DOCS}platform/internal`,
      title: "Something broke on our side; nothing was changed.",
      status: 500,
      code: "platform/internal",
      detail: `Quote the request id ${requestId}: the log holds what happened.`,
      requestId,
    };
  }
  const { spec, detail, extra } = problem;
  return {
    type: `${DOCS}${spec.code}`,
    title: spec.title,
    status: spec.status,
    code: spec.code,
    ...(detail === undefined ? {} : { detail }),
    requestId,
    ...extra,
  };
}

function asProblem(error: unknown): Problem | null {
  if (error instanceof Problem) {
    return error;
  }
  if (error instanceof ORPCError) {
    return fromOrpc(error);
  }
  if (!(error instanceof Error)) {
    return null;
  }
  const code = codeOf(error);
  if (
    AWAY.test(code) ||
    /timeout exceeded when trying to connect|Connection terminated/.test(error.message)
  ) {
    return new Problem(unavailable, "The database does not answer. Webhooks are still taken in.");
  }
  const status =
    "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : 500;
  if (status >= 400 && status < 500) {
    return new Problem(
      { code: `platform/http-${status}`, status, title: "The request cannot be read." },
      error.message,
    );
  }
  return error.cause instanceof Error ? asProblem(error.cause) : null;
}

function codeOf(error: Error): string {
  if ("code" in error && typeof error.code === "string") {
    return error.code;
  }
  return error.cause instanceof Error && error.cause !== error ? codeOf(error.cause) : "";
}

function fromOrpc(error: ORPCError<string, unknown>): Problem | null {
  if (error.cause instanceof Problem) {
    return error.cause;
  }
  if (error.cause instanceof ORPCError) {
    return fromOrpc(error.cause);
  }
  if (error.status >= 500) {
    return error.cause instanceof Error ? asProblem(error.cause) : null;
  }
  const errors = issuesOf(error.data).map((issue) => ({
    pointer: `/${issue.path.map(String).join("/")}`,
    detail: issue.message,
  }));
  const detail = errors.map((issue) => `${issue.pointer}: ${issue.detail}`).join("; ");
  return new Problem(invalidInput, detail === "" ? error.message : detail, { errors });
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function issuesOf(data: unknown): readonly Issue[] {
  if (
    typeof data !== "object" ||
    data === null ||
    !("issues" in data) ||
    !Array.isArray(data.issues)
  ) {
    return [];
  }
  return data.issues.flatMap((issue: unknown): Issue[] => {
    if (typeof issue !== "object" || issue === null || !("message" in issue)) {
      return [];
    }
    const path = "path" in issue && Array.isArray(issue.path) ? issue.path : [];
    return [{ path, message: String(issue.message) }];
  });
}
