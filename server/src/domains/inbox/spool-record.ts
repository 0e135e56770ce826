import { z } from "zod";

import type { Accepted } from "./durable-log.ts";

const headSchema = z.object({
  workspaceId: z.number().int(),
  endpointId: z.number().int(),
  provider: z.enum(["stripe", "paddle", "twilio"]),
  secretNo: z.number().int(),
  externalId: z.string(),
  eventType: z.string(),
  okey: z.string(),
  lane: z.union([z.literal(0), z.literal(1), z.literal(5), z.literal(9)]),
  occurredAt: z.number().nullable(),
  receivedAt: z.number(),
  apiVersion: z.string().nullable(),
  fingerprint: z.string(),
  dead: z.string().nullable(),
});

/** `head length u32 | head as JSON | raw body`: all that is needed to store the event later as if it had been stored at once. */
export function encodeAccepted(event: Accepted): Buffer {
  const { body, ...rest } = event;
  const head = Buffer.from(
    JSON.stringify({
      ...rest,
      occurredAt: event.occurredAt?.getTime() ?? null,
      receivedAt: event.receivedAt.getTime(),
      fingerprint: event.fingerprint.toString("base64"),
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, body]);
}

export function decodeAccepted(payload: Buffer): Accepted {
  const length = payload.readUInt32BE(0);
  const head = headSchema.parse(JSON.parse(payload.toString("utf8", 4, 4 + length)));
  return {
    ...head,
    occurredAt: head.occurredAt === null ? null : new Date(head.occurredAt),
    receivedAt: new Date(head.receivedAt),
    fingerprint: Buffer.from(head.fingerprint, "base64"),
    body: payload.subarray(4 + length),
  };
}
