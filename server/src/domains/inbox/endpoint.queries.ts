import type { z } from "zod";

import { addMs } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";
import { Problem } from "#platform/problem.ts";

import type {
  endpointRow,
  endpointsDiagnose,
  inboxConflictsList,
  inboxRejectedList,
} from "./contract.ts";
import { type Provider, providerOf } from "./ports.ts";
import { unknownEndpoint } from "./problems.ts";

type EndpointItem = z.input<typeof endpointRow>;

interface Row {
  readonly id: number;
  readonly public_id: string;
  readonly provider: Provider;
  readonly name: string;
  readonly public_url: string | null;
  readonly livemode: boolean | null;
  readonly is_default: boolean;
  readonly enabled: boolean;
  readonly created_at: Date;
  readonly last_received_at: Date | null;
  readonly secrets: readonly {
    no: number;
    notBefore: string;
    notAfter: string | null;
    hint: string;
  }[];
}

const HOUR_MS = 3_600_000;

async function readEndpoints(ctx: Ctx, publicId: string | null): Promise<readonly Row[]> {
  const result = await ctx.tx.client.query<Row>(
    `select e.id, e.public_id, e.provider, e.name, e.public_url, e.livemode, e.is_default, e.enabled, e.created_at,
       (select received_at from inbox_events v where v.id = (select max(id) from inbox_events v where v.endpoint_id = e.id and v.received_at > $3)) as last_received_at,
       coalesce((select json_agg(json_build_object('no', s.no, 'notBefore', s.not_before, 'notAfter', s.not_after, 'hint', s.hint) order by s.no)
         from endpoint_secrets s where s.endpoint_id = e.id), '[]') as secrets
     from endpoints e where e.workspace_id = $1 and ($2::text is null or e.public_id = $2) order by e.provider, e.id`,
    [ctx.workspace.id, publicId, addMs(ctx.now, -24 * HOUR_MS)],
  );
  return result.rows;
}

function itemOf(row: Row): EndpointItem {
  return {
    id: row.public_id,
    provider: row.provider,
    name: row.name,
    path: `/api/webhooks/${row.is_default ? row.provider : row.public_id}`,
    publicUrl: row.public_url,
    livemode: row.livemode,
    enabled: row.enabled,
    secrets: row.secrets.map((secret) => ({
      no: secret.no,
      notBefore: new Date(secret.notBefore).toISOString(),
      notAfter: secret.notAfter === null ? null : new Date(secret.notAfter).toISOString(),
      hint: `…${secret.hint}`,
    })),
    lastReceivedAt: row.last_received_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
  };
}

export async function listEndpoints(ctx: Ctx): Promise<{ items: EndpointItem[] }> {
  return { items: (await readEndpoints(ctx, null)).map(itemOf) };
}

export async function findEndpoint(
  ctx: Ctx,
  publicId: string,
): Promise<{ readonly id: number; readonly public_id: string; readonly item: EndpointItem }> {
  const row = (await readEndpoints(ctx, publicId))[0];
  if (row === undefined) {
    throw new Problem(unknownEndpoint, `No endpoint ${publicId} in this workspace.`);
  }
  return { id: row.id, public_id: row.public_id, item: itemOf(row) };
}

const ADVICE: Readonly<Record<string, string>> = {
  header_missing:
    "Someone calls this address who is not the provider, or a proxy strips the signature header.",
  header_malformed: "A proxy changes the signature header, or it is a probe.",
  timestamp_stale:
    "Compare this machine's clock with a time server; otherwise someone repeats old messages.",
  timestamp_future: "This machine's clock is behind: synchronise it.",
  wrong_secret:
    "Copy the signing secret of exactly this endpoint from the provider's dashboard (purser endpoints rotate-secret).",
  body_changed: "A proxy or firewall rewrites the body: let the raw bytes through.",
  url_unknown: "Set the endpoint's public address: Twilio signs it.",
  no_secret: "Give the endpoint a signing secret.",
  wrong_mode: "A test endpoint points at the live address or the other way round.",
  body_too_large: "Providers do not send such bodies: a probe.",
  content_type:
    "Providers send JSON or forms without compression: a probe, or a proxy that compresses.",
};

export async function diagnoseEndpoint(
  ctx: Ctx,
  publicId: string,
): Promise<z.input<typeof endpointsDiagnose.output>> {
  const endpoint = await findEndpoint(ctx, publicId);
  const since = addMs(ctx.now, -HOUR_MS);
  const received = await ctx.tx.client.query<{ n: number }>(
    "select count(*) as n from inbox_events where endpoint_id = $1 and received_at > $2",
    [endpoint.id, since],
  );
  const refusals = await ctx.tx.client.query<{ refusal: string; count: number; last_at: Date }>(
    "select refusal, sum(count)::int as count, max(at) as last_at from inbox_rejected where endpoint_id = $1 and at > $2 group by refusal order by 2 desc",
    [endpoint.id, since],
  );
  const refused = refusals.rows.reduce((sum, row) => sum + row.count, 0);
  const count = received.rows[0]?.n ?? 0;
  return {
    endpoint: endpoint.item,
    receivedLastHour: count,
    refusedLastHour: refused,
    refusals: refusals.rows.map((row) => ({
      refusal: row.refusal,
      count: row.count,
      lastAt: row.last_at.toISOString(),
      advice: ADVICE[row.refusal] ?? "Look at the refused requests.",
    })),
    verdict: verdictOf(count, refused, refusals.rows[0]?.refusal),
  };
}

function verdictOf(received: number, refused: number, worst: string | undefined): string {
  if (refused === 0) {
    return received === 0
      ? "Nothing came in the last hour: check that the provider sends here."
      : "All is well.";
  }
  const advice = ADVICE[worst ?? ""] ?? "Look at the refused requests.";
  return received === 0
    ? `Everything is refused. ${advice}`
    : `Some requests are refused. ${advice}`;
}

export async function listRejected(
  ctx: Ctx,
  input: z.output<typeof inboxRejectedList.input>,
): Promise<z.input<typeof inboxRejectedList.output>> {
  const result = await ctx.tx.client.query<{
    id: number;
    provider: Provider;
    endpoint: string;
    at: Date;
    refusal: string;
    detail: string;
    count: number;
    bytes: number;
    headers: Record<string, string>;
  }>(
    `select r.id, e.provider, e.public_id as endpoint, r.at, r.refusal, r.detail, r.count, r.bytes, r.headers
     from inbox_rejected r join endpoints e on e.id = r.endpoint_id
     where r.workspace_id = $1 and ($2::text is null or e.provider = $2) and ($3::bigint is null or r.id < $3)
     order by r.id desc limit $4`,
    [ctx.workspace.id, input.provider ?? null, cursorOf(input.cursor), input.limit + 1],
  );
  const rows = result.rows.slice(0, input.limit);
  return {
    items: rows.map((row) => ({ ...row, id: String(row.id), at: row.at.toISOString() })),
    nextCursor: result.rows.length > input.limit ? String(rows.at(-1)?.id) : null,
  };
}

export async function listConflicts(
  ctx: Ctx,
  input: z.output<typeof inboxConflictsList.input>,
): Promise<z.input<typeof inboxConflictsList.output>> {
  const result = await ctx.tx.client.query<{
    id: number;
    event_id: number;
    provider: number;
    external_id: string;
    received_at: Date;
    body: Buffer;
  }>(
    `select c.id, c.event_id, e.provider, c.external_id, c.received_at, c.body from inbox_conflicts c join inbox_events e on e.id = c.event_id
     where c.workspace_id = $1 and ($2::bigint is null or c.id < $2) order by c.id desc limit $3`,
    [ctx.workspace.id, cursorOf(input.cursor), input.limit + 1],
  );
  const rows = result.rows.slice(0, input.limit);
  return {
    items: rows.map((row) => ({
      id: String(row.id),
      eventId: String(row.event_id),
      provider: providerOf(row.provider),
      externalId: row.external_id,
      receivedAt: row.received_at.toISOString(),
      body: row.body.toString("utf8"),
    })),
    nextCursor: result.rows.length > input.limit ? String(rows.at(-1)?.id) : null,
  };
}

function cursorOf(cursor: string | undefined): number | null {
  return cursor !== undefined && /^\d{1,15}$/.test(cursor) ? Number(cursor) : null;
}
