import { connect, type Socket } from "node:net";

export interface RawAnswer {
  /** Everything the server sent before it closed, or before `done` was satisfied. */
  readonly text: string;
  readonly status: number;
  readonly closed: boolean;
}

/** Opens a socket and sends bytes as they are; nothing is corrected on the way, unlike with any HTTP client. */
export function openSocket(port: number): Promise<Socket> {
  return new Promise((done, failed) => {
    const socket = connect(port, "127.0.0.1", () => {
      done(socket);
    });
    socket.once("error", failed);
  });
}

/**
 * Sends the parts, then ends its half where asked, and collects the answer until the server closes or
 * the first whole head has come. A reset counts as closed: a server may drop whom it has refused.
 */
export async function raw(
  port: number,
  parts: readonly (string | Buffer)[],
  options: { readonly end?: boolean; readonly untilClosed?: boolean } = {},
): Promise<RawAnswer> {
  const socket = await openSocket(port);
  const chunks: Buffer[] = [];
  const answer = (closed: boolean): RawAnswer => {
    const text = Buffer.concat(chunks).toString("latin1");
    return { text, status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), closed };
  };
  return new Promise((done) => {
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      if (options.untilClosed !== true && answer(false).text.includes("\r\n\r\n")) {
        done(answer(false));
        socket.destroy();
      }
    });
    socket.on("close", () => {
      done(answer(true));
    });
    socket.on("error", () => {
      done(answer(true));
    });
    for (const part of parts) {
      socket.write(part);
    }
    if (options.end === true) {
      socket.end();
    }
  });
}
