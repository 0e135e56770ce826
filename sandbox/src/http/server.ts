import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { Api } from "./api.ts";

/** Bodies beyond this are refused; Stripe's own requests are small. */
const MAX_BODY = 1_048_576;

/** Pages for people (checkout, portal); undefined when the address is not one of them. */
export type Pages = (
  method: string,
  url: URL,
  form: string,
) => { readonly status: number; readonly html: string; readonly location?: string } | undefined;

/** The Stripe simulator's HTTP server, not yet listening. */
export function createStripeServer(api: Api, pages: Pages): Server {
  return createServer((request, response) => {
    serve(api, pages, { request, response }).catch((error: unknown) => {
      process.stderr.write(`${JSON.stringify({ level: "error", error: String(error) })}\n`);
      response.destroy();
    });
  });
}

async function serve(
  api: Api,
  pages: Pages,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://sandbox");
  const method = request.method ?? "GET";
  const body = await readBody(request);
  if (body === undefined) {
    response.writeHead(413).end();
    return;
  }
  const shown = pages(method, url, body);
  if (shown !== undefined) {
    const headers = {
      "content-type": "text/html; charset=utf-8",
      ...(shown.location === undefined ? {} : { location: shown.location }),
    };
    response.writeHead(shown.status, headers).end(shown.html);
    return;
  }
  const query = url.search.slice(1);
  const outcome = await api.answer({
    method,
    path: url.pathname,
    form:
      method === "POST"
        ? [query, body].filter((part) => part !== "").join("&")
        : query === ""
          ? body
          : query,
    authorization: request.headers.authorization,
    idempotencyKey: header(request, "idempotency-key"),
    version: header(request, "stripe-version"),
  });
  if (outcome === "hang up") {
    request.socket.destroy();
    return;
  }
  response
    .writeHead(outcome.status, {
      "content-type": "application/json",
      "cache-control": "no-cache, no-store",
      ...outcome.headers,
    })
    .end(outcome.body);
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The body as text, or undefined when it is too large. */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (chunk instanceof Buffer) {
      size += chunk.length;
      if (size > MAX_BODY) {
        return undefined;
      }
      chunks.push(chunk);
    }
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Starts listening and gives the port (the chosen one where 0 was asked for). */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve(portOf(server.address(), port));
    });
  });
}

const LOOK_AGAIN_MS = 100;

/** The same, but a taken port is asked for again for so many milliseconds. */
export async function listenPatiently(
  server: Server,
  port: number,
  host: string,
  patienceMs: number,
): Promise<number> {
  for (let waited = 0; ; waited += LOOK_AGAIN_MS) {
    try {
      return await listen(server, port, host);
    } catch (error) {
      const taken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (!taken || waited >= patienceMs) {
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }
}

function portOf(address: AddressInfo | string | null, fallback: number): number {
  return typeof address === "object" && address !== null ? address.port : fallback;
}

/** Stops listening and cuts what is still open. */
export async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
