import { createServer, connect, type Socket } from "node:net";

export interface Proxy {
  readonly port: number;
  /** Bytes go both ways again; sockets from before stay as they were. */
  heal(): void;
  /** Sockets stay open and nothing arrives: what a pulled cable looks like. */
  blackhole(): void;
  /** What the client says arrives, the answer is cut off: nobody knows whether it was committed. */
  cutReplies(): void;
  /** Nobody listens any more, and every socket is reset. */
  refuse(): void;
  close(): Promise<void>;
}

type Mode = "open" | "blackhole" | "cut" | "refuse";

/** A TCP proxy in front of Postgres that fails on demand. */
export async function openProxy(target: number): Promise<Proxy> {
  let mode: Mode = "open";
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    if (mode === "refuse") {
      client.destroy();
      return;
    }
    const upstream = connect(target, "127.0.0.1");
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      pairs.delete(pair);
    };
    client.on("data", (chunk) => {
      if (mode !== "blackhole") {
        upstream.write(chunk);
      }
    });
    upstream.on("data", (chunk) => {
      if (mode === "cut") {
        end();
      } else if (mode !== "blackhole") {
        client.write(chunk);
      }
    });
    for (const socket of pair) {
      socket.on("error", end);
      socket.on("close", end);
    }
  });
  await new Promise<void>((done) => {
    server.listen(0, "127.0.0.1", done);
  });
  const address = server.address();
  const reset = (): void => {
    for (const [client, upstream] of pairs) {
      client.destroy();
      upstream.destroy();
    }
  };
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    heal: () => {
      if (mode === "blackhole") {
        reset(); // what was swallowed is gone: these conversations make no sense any more
      }
      mode = "open";
    },
    blackhole: () => {
      mode = "blackhole";
    },
    cutReplies: () => {
      mode = "cut";
    },
    refuse: () => {
      mode = "refuse";
      reset();
    },
    close: async () => {
      reset();
      await new Promise((done) => server.close(done));
    },
  };
}
