/**
 * A process of its own that posts pre-made, pre-signed events over raw keep-alive sockets. node:http
 * would cost three times the processor that the server under test needs; here a request is one write
 * of a ready buffer and an answer is a scan for its status and length.
 */
import { type Socket, connect } from "node:net";

import { catalogueEvents, signatureOf, storyEvent } from "./events.ts";
import { type LoadOrder, type LoadResult, isOrder } from "./protocol.ts";

const SLAB_BYTES = 64 * 1024 * 1024;

interface Shots {
  readonly requests: readonly Buffer[];
  readonly ids: readonly string[];
}

/** Copies many small buffers into few large ones: 100,000 buffers of 3 KB each cost more to track than to send. */
function slabber(): (head: string, body: Buffer) => Buffer {
  let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  let used = 0;
  return (head, body) => {
    const size = head.length + body.length;
    if (used + size > SLAB_BYTES) {
      slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      used = 0;
    }
    const begin = used;
    used += slab.write(head, used, "latin1");
    used += body.copy(slab, used);
    return slab.subarray(begin, used);
  };
}

function prepare(order: LoadOrder): Shots {
  const keep = slabber();
  const requests: Buffer[] = [];
  const ids: string[] = [];
  const atS = Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);
  const add = (id: string, body: Buffer): void => {
    const head =
      `POST ${order.path} HTTP/1.1\r\nHost: 127.0.0.1:${order.port}\r\nUser-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n` +
      `Accept: */*\r\nContent-Type: application/json; charset=utf-8\r\nStripe-Signature: ${signatureOf(body, atS)}\r\n` +
      `Content-Length: ${body.length}\r\n\r\n`;
    requests.push(keep(head, body));
    ids.push(id);
  };
  if (order.catalogue) {
    for (const { id, body } of catalogueEvents(order.story)) {
      add(id, body);
    }
  }
  for (let n = order.from; n < order.to; n += order.step) {
    const { id, body } = storyEvent(order.story, n);
    add(id, body);
  }
  return { requests, ids };
}

class AnswerError extends Error {}

/** Length of the first whole answer in `text`, and its status; null while it is incomplete. */
function readAnswer(text: string): { status: number; length: number } | null {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) {
    return null;
  }
  const status = Number(text.slice(9, 12));
  const head = text.slice(0, end).toLowerCase();
  const at = head.indexOf("\r\ncontent-length:");
  if (at === -1) {
    if (status === 204) {
      return { status, length: end + 4 };
    }
    throw new AnswerError(`An answer without content-length: ${head.slice(0, 200)}`);
  }
  const length = end + 4 + Number.parseInt(head.slice(at + 17), 10);
  return text.length >= length ? { status, length } : null;
}

async function fire(order: LoadOrder, shots: Shots): Promise<LoadResult> {
  const total = shots.requests.length;
  const sentAt = new Float64Array(total).fill(Number.NaN);
  const doneAt = new Float64Array(total).fill(Number.NaN);
  const refused = new Map<string, number>();
  const note = (what: string): void => {
    refused.set(what, (refused.get(what) ?? 0) + 1);
  };
  const startWall = performance.timeOrigin + performance.now();
  const begun = performance.now();
  const until = order.seconds === null ? Number.POSITIVE_INFINITY : begun + order.seconds * 1000;
  let next = 0;
  let exhaustedAt = Number.NaN;

  const take = (): number => {
    if (next >= total) {
      if (Number.isNaN(exhaustedAt)) {
        exhaustedAt = performance.now();
      }
      return -1;
    }
    const now = performance.now();
    if (now >= until) {
      return -1;
    }
    const mine = next;
    next += 1;
    return mine;
  };

  const drive = (): Promise<void> =>
    new Promise((resolve) => {
      const socket: Socket = connect(order.port, "127.0.0.1");
      socket.setNoDelay(true);
      socket.setEncoding("latin1");
      let mine = -1;
      let text = "";
      const shoot = (): void => {
        mine = take();
        if (mine === -1) {
          socket.end();
          resolve();
          return;
        }
        sentAt[mine] = performance.now();
        const request = shots.requests[mine];
        if (request !== undefined) {
          socket.write(request);
        }
      };
      const later = (): void => {
        const pauseMs = order.pauseMs;
        if (pauseMs > 0) {
          setTimeout(shoot, pauseMs);
        } else {
          shoot();
        }
      };
      socket.on("connect", later);
      socket.on("data", (chunk: string) => {
        text = text === "" ? chunk : text + chunk;
        const answer = readAnswer(text);
        if (answer === null) {
          return;
        }
        text = text.slice(answer.length);
        if (answer.status >= 200 && answer.status < 300) {
          doneAt[mine] = performance.now();
        } else {
          note(`status ${answer.status}`);
        }
        later();
      });
      socket.on("error", (error) => {
        note(error.message);
        resolve();
      });
      socket.on("close", () => {
        resolve();
      });
    });
  await Promise.all(Array.from({ length: order.connections }, drive));

  const stop = Math.min(until, Number.isNaN(exhaustedAt) ? performance.now() : exhaustedAt);
  const from = begun + order.warmupS * 1000;
  const latencies: number[] = [];
  const acked: number[] = [];
  let inWindow = 0;
  for (let index = 0; index < total; index += 1) {
    const done = doneAt[index] ?? Number.NaN;
    if (Number.isNaN(done)) {
      continue;
    }
    acked.push(index);
    if (done >= from && done <= stop) {
      inWindow += 1;
      latencies.push(done - (sentAt[index] ?? done));
    }
  }
  latencies.sort((a, b) => a - b);
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
  const cpu = process.cpuUsage();
  return {
    kind: "result",
    sent: next,
    acked: acked.length,
    ackedIds: order.wantIds ? acked.map((index) => shots.ids[index] ?? "") : [],
    refused: Object.fromEntries(refused),
    perSecond: (inWindow / Math.max(1, stop - from)) * 1000,
    windowS: (stop - from) / 1000,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    max: latencies.at(-1) ?? Number.NaN,
    exhausted: !Number.isNaN(exhaustedAt),
    startWallMs: startWall,
    cpuS: (cpu.user + cpu.system) / 1e6,
  };
}

async function fireAndTell(wanted: LoadOrder, ready: Shots): Promise<void> {
  const result = await fire(wanted, ready);
  process.send?.(result, () => {
    process.disconnect();
  });
}

let shots: Shots | null = null;
let order: LoadOrder | null = null;
process.on("message", (message: unknown) => {
  if (isOrder(message)) {
    order = message;
    shots = prepare(message);
    process.send?.({
      kind: "ready",
      shots: shots.requests.length,
      bytes: shots.requests[0]?.length ?? 0,
    });
    return;
  }
  if (order !== null && shots !== null) {
    void fireAndTell(order, shots);
  }
});
