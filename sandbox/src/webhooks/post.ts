import { Agent as HttpAgent, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

/** Stripe waits for an answer for a while and then counts the attempt as failed. */
const TIMEOUT_MS = 20_000;

export interface Poster {
  /** Posts and gives the status, or why no answer came; never throws. */
  post(
    url: string,
    body: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ status: number | null; error: string | null }>;
  stop(): Promise<void>;
}

/** A client with kept-alive connections: floods of small posts must not cost a connection each. */
export function createPoster(): Poster {
  const plain = new HttpAgent({ keepAlive: true, maxSockets: 64 });
  const secure = new HttpsAgent({ keepAlive: true, maxSockets: 64 });
  return {
    post: async (url, body, headers) => {
      const target = new URL(url);
      const tls = target.protocol === "https:";
      return await new Promise((resolve) => {
        const outgoing = (tls ? httpsRequest : httpRequest)(target, {
          method: "POST",
          agent: tls ? secure : plain,
          headers: { ...headers, "content-length": Buffer.byteLength(body) },
          timeout: TIMEOUT_MS,
        });
        outgoing.on("response", (incoming) => {
          incoming.resume();
          incoming.on("end", () => resolve({ status: incoming.statusCode ?? null, error: null }));
          incoming.on("error", (error) => resolve({ status: null, error: error.message }));
        });
        outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
        outgoing.on("error", (error) => resolve({ status: null, error: error.message }));
        outgoing.end(body);
      });
    },
    stop: async () => {
      plain.destroy();
      secure.destroy();
      await Promise.resolve();
    },
  };
}
