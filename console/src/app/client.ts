import { type Operation, previewSchema, type Preview } from "purser/operation";
import type { z } from "zod";

import type { Failure } from "../kit/error-state.tsx";

/** A refusal or a failure as the console shows it: an RFC 9457 problem, or a request that never arrived. */
export class ApiFailure extends Error implements Failure {
  readonly title: string;
  readonly detail: string | undefined;
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly requestId: string | undefined;
  /** Sentence by field of the input; dots between nested names. */
  readonly fields: Readonly<Record<string, string>>;
  /** The new preview that came with a refused stale one. */
  readonly preview: Preview | undefined;

  constructor(
    problem: Failure & { fields?: Record<string, string>; preview?: Preview | undefined },
  ) {
    super(problem.title);
    this.name = "ApiFailure";
    this.title = problem.title;
    this.detail = problem.detail;
    this.status = problem.status;
    this.code = problem.code;
    this.requestId = problem.requestId;
    this.fields = problem.fields ?? {};
    this.preview = problem.preview;
  }
}

/** Any thrown value as something that can be shown. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ApiFailure) {
    return error;
  }
  return {
    title: "The console itself failed.",
    detail: error instanceof Error ? error.message : String(error),
  };
}

type Values = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The address and body of a call: path fields from the input, the rest in the query of a GET or the body of anything else. */
export function requestOf(
  operation: Pick<Operation, "method" | "path">,
  input: unknown,
): { readonly url: string; readonly body: Values | undefined } {
  const rest: Record<string, unknown> = { ...(isObject(input) ? input : {}) };
  const path = operation.path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => {
    const value = String(rest[name]);
    delete rest[name];
    return encodeURIComponent(value);
  });
  if (operation.method !== "GET") {
    return { url: `/api${path}`, body: rest };
  }
  const query = new URLSearchParams(
    Object.entries(rest).flatMap(([key, value]) =>
      value === undefined || value === null || value === "" ? [] : [[key, scalar(value)]],
    ),
  ).toString();
  return { url: `/api${path}${query === "" ? "" : `?${query}`}`, body: undefined };
}

function scalar(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

interface CallOptions {
  readonly signal?: AbortSignal;
  /** Hash of the preview that was confirmed; a different outcome is then refused. */
  readonly previewHash?: string;
}

/** Runs an operation. Throws ApiFailure. */
export async function call<Input extends z.ZodType, Output extends z.ZodType>(
  operation: Operation<Input, Output>,
  input: z.input<Input>,
  options: CallOptions = {},
): Promise<z.output<Output>> {
  const { url, body } = requestOf(operation, input);
  const answer = await send(url, {
    method: operation.method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(options.previewHash === undefined ? {} : { "purser-preview-hash": options.previewHash }),
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  // The server has checked its answer against this very schema; parsing 200 rows again costs a frame.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return answer as z.output<Output>;
}

/** What an operation would do. Throws ApiFailure. */
export async function previewOf(operation: Operation, input: unknown): Promise<Preview> {
  const answer = await send(`/api/preview/${operation.name}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(input),
  });
  return previewSchema.parse(answer);
}

/** Sends and reads JSON; also for the few doors that are no operation (sign-in). Throws ApiFailure. */
export async function send(url: string, init: RequestInit): Promise<unknown> {
  const response = await reach(url, init);
  const requestId = response.headers.get("x-request-id") ?? undefined;
  const text = await response.text();
  const body = parse(text);
  if (response.ok) {
    return body;
  }
  if (response.status === 401) {
    signedOut();
  }
  throw problemOf(response.status, body, requestId);
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      throw error;
    }
    throw new ApiFailure({
      title: "Purser does not answer.",
      detail:
        "The request did not arrive, or its answer did not. Webhooks are taken in by another part.",
    });
  }
}

function parse(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function textIn(body: unknown, key: string): string | undefined {
  const value = isObject(body) ? body[key] : undefined;
  return typeof value === "string" ? value : undefined;
}

function problemOf(status: number, body: unknown, requestId: string | undefined): ApiFailure {
  const preview = previewSchema.safeParse(isObject(body) ? body["preview"] : undefined);
  return new ApiFailure({
    title: textIn(body, "title") ?? textIn(body, "message") ?? `The server answered ${status}.`,
    detail: textIn(body, "detail"),
    status,
    code: textIn(body, "code"),
    requestId: textIn(body, "requestId") ?? requestId,
    fields: fieldsIn(body),
    preview: preview.success ? preview.data : undefined,
  });
}

const TERSE: readonly (readonly [RegExp, string])[] = [
  [/^Too small: expected string to have >=(\d+) characters?$/u, "At least $1 characters."],
  [/^Too big: expected string to have <=(\d+) characters?$/u, "At most $1 characters."],
  [/^Too small: expected (?:number|int) to be >=(\S+)$/u, "$1 or more."],
  [/^Too big: expected (?:number|int) to be <=(\S+)$/u, "At most $1."],
  [/^Invalid input: expected \S+, received undefined$/u, "This is needed."],
  [/^Invalid input: expected number, received \S+$/u, "A number is needed."],
  [/^Invalid option: expected one of .*$/u, "Choose one of the list."],
  [/^Invalid ISO datetime$/u, "A date and a time are needed."],
];

/** What a schema says of a value, as one would say it to a person. Anything unknown stays as it came. */
export function fieldWords(detail: string): string {
  const known = TERSE.find(([pattern]) => pattern.test(detail));
  return known === undefined ? detail : detail.replace(known[0], known[1]);
}

/** `/ids/0` -> `ids`: an error within a list belongs to the list's field. */
function fieldsIn(body: unknown): Record<string, string> {
  const errors = isObject(body) && Array.isArray(body["errors"]) ? body["errors"] : [];
  const entries = errors.flatMap((each: unknown): [string, string][] => {
    const pointer = textIn(each, "pointer");
    const detail = textIn(each, "detail");
    return pointer === undefined || detail === undefined
      ? []
      : [
          [
            pointer
              .split("/")
              .filter((part) => part !== "" && !/^\d+$/u.test(part))
              .join("."),
            fieldWords(detail),
          ],
        ];
  });
  return Object.fromEntries(entries);
}

let onSignedOut: (() => void) | undefined;

/** Called when any request is answered 401: the session ended elsewhere. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

function signedOut(): void {
  onSignedOut?.();
}
