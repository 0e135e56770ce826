import { z } from "zod";

import { type Operation, type Preview, previewSchema } from "#platform/operation/operation.ts";

/** A refusal by the server, as the command line shows it. */
export class ServerRefusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly document: unknown;
  constructor(status: number, code: string, message: string, document: unknown) {
    super(message);
    this.name = "ServerRefusal";
    this.status = status;
    this.code = code;
    this.document = document;
  }
}

/** The running server could not be reached at all. */
export class ServerAway extends Error {
  constructor(server: string, options: ErrorOptions) {
    super(
      `No Purser answers at ${server}. Start it with \`npm start\` (or \`purser serve\`), or name another with --server; if it was started with PURSER_PORT or PURSER_DATA, set them here too.`,
      options,
    );
    this.name = "ServerAway";
  }
}

export interface CliClient {
  readonly call: (operation: Operation, input: Input, options: CallOptions) => Promise<unknown>;
  readonly preview: (operation: Operation, input: Input) => Promise<Preview>;
}
type Input = Readonly<Record<string, unknown>>;
export interface CallOptions {
  readonly previewHash?: string;
  readonly ticket?: string;
}

const problem = z.looseObject({
  code: z.string(),
  title: z.string(),
  detail: z.string().optional(),
  requestId: z.string().optional(),
});

export function openClient(options: { server: string; token: string | null }): CliClient {
  const base = `${options.server.replace(/\/+$/, "")}/api`;
  const send = async (
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<unknown> => {
    const response = await fetchOrExplain(options.server, `${base}${path}`, {
      method,
      headers: {
        accept: "application/json",
        ...(options.token === null ? {} : { authorization: `Bearer ${options.token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const json: unknown = text === "" ? null : JSON.parse(text);
    if (!response.ok) {
      const { code, title, detail, requestId } = problem.parse(json);
      const tail = requestId === undefined ? "" : `\n  request ${requestId}`;
      throw new ServerRefusal(
        response.status,
        code,
        `${title}${detail === undefined ? "" : `\n  ${detail}`}${tail}`,
        json,
      );
    }
    return json;
  };
  return {
    call: (operation, input, { previewHash, ticket }) => {
      const { path, rest } = fillPath(operation.path, input);
      const headers = {
        ...(previewHash === undefined ? {} : { "purser-preview-hash": previewHash }),
        ...(ticket === undefined ? {} : { "purser-ticket": ticket }),
      };
      return operation.method === "GET"
        ? send("GET", `${path}${queryOf(rest)}`, undefined, headers)
        : send(operation.method, path, rest, headers);
    },
    preview: async (operation, input) =>
      previewSchema.parse(await send("POST", `/preview/${operation.name}`, input, {})),
  };
}

async function fetchOrExplain(server: string, url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw new ServerAway(server, { cause: error });
  }
}

function fillPath(template: string, input: Input): { path: string; rest: Input } {
  const rest: Record<string, unknown> = { ...input };
  const path = template.replaceAll(/\{(\w+)\}/g, (_, field: string) => {
    const value = rest[field];
    delete rest[field];
    return encodeURIComponent(String(value));
  });
  return { path, rest };
}

/** Bracket notation for lists, as the OpenAPI document states. */
function queryOf(input: Input): string {
  const query = new URLSearchParams();
  for (const [field, value] of Object.entries(input)) {
    if (Array.isArray(value)) {
      value.forEach((item, index) => {
        query.append(`${field}[${index}]`, textOf(item));
      });
    } else if (value !== undefined) {
      query.append(field, textOf(value));
    }
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
