import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

import type { Pool } from "pg";
import { z } from "zod";

import { type Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";

import type { EndpointSecrets, Provider } from "./ports.ts";

export interface EndpointSecret {
  readonly no: number;
  readonly plain: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface Endpoint {
  readonly id: number;
  readonly publicId: string;
  readonly workspaceId: number;
  readonly provider: Provider;
  readonly publicUrl: string | null;
  readonly livemode: boolean | null;
  readonly isDefault: boolean;
  readonly enabled: boolean;
  readonly secrets: readonly EndpointSecret[];
}

const rowSchema = z.object({
  id: z.number(),
  publicId: z.string(),
  workspaceId: z.number(),
  provider: z.enum(["stripe", "paddle", "twilio"]),
  publicUrl: z.string().nullable(),
  livemode: z.boolean().nullable(),
  isDefault: z.boolean(),
  enabled: z.boolean(),
  secrets: z.array(
    z.object({
      no: z.number(),
      sealed: z.string(),
      notBefore: z.number(),
      notAfter: z.number().nullable(),
    }),
  ),
});
type Row = z.infer<typeof rowSchema>;

export interface EndpointDirectory {
  byPublicId(publicId: string): Endpoint | undefined;
  defaultOf(provider: Provider): Endpoint | undefined;
  /** Reads anew; keeps what it has where the database does not answer. */
  refresh(): Promise<void>;
  /** False until endpoints were read once, from the database or from the snapshot. */
  readonly loaded: () => boolean;
  stop(): void;
}

export interface DirectoryOptions {
  readonly pool: Pool;
  readonly secrets: EndpointSecrets;
  /** File that holds the last known endpoints with their secrets still sealed, so that intake verifies while Postgres is down from boot. */
  readonly snapshotFile: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly refreshMs?: number;
}

/** What a sealed secret is bound to: moving it to another endpoint makes it unreadable. */
export function secretContext(publicId: string, no: number): string {
  return `endpoint:${publicId}:${String(no)}`;
}

export async function openEndpointDirectory(options: DirectoryOptions): Promise<EndpointDirectory> {
  let byId = new Map<string, Endpoint>();
  let defaults = new Map<Provider, Endpoint>();
  let fingerprint = "";
  let loaded = false;

  const take = async (rows: readonly Row[]): Promise<void> => {
    const endpoints = await Promise.all(
      rows.map((row) => unseal(row, options.secrets, options.log)),
    );
    byId = new Map(endpoints.map((endpoint) => [endpoint.publicId, endpoint]));
    defaults = new Map(
      endpoints
        .filter((endpoint) => endpoint.isDefault)
        .map((endpoint) => [endpoint.provider, endpoint]),
    );
    loaded = true;
  };

  const refresh = async (): Promise<void> => {
    try {
      const rows = await readRows(options.pool);
      const text = JSON.stringify(rows);
      if (text !== fingerprint) {
        await take(rows);
        await writeSnapshot(options.snapshotFile, text);
        fingerprint = text;
      }
    } catch (error) {
      options.log.debug(
        { err: error },
        "Endpoints could not be read; the last known ones stay in force.",
      );
    }
  };

  await refresh();
  if (!loaded) {
    await take(await readSnapshot(options.snapshotFile)).catch(() => undefined);
  }
  const timer = setInterval(() => void refresh(), options.refreshMs ?? 2_000);
  timer.unref();
  return {
    byPublicId: (publicId) => byId.get(publicId),
    defaultOf: (provider) => defaults.get(provider),
    refresh,
    loaded: () => loaded,
    stop: () => {
      clearInterval(timer);
    },
  };
}

/** Secrets that count at this moment. */
export function activeSecrets(endpoint: Endpoint, now: Date): readonly EndpointSecret[] {
  const ms = now.getTime();
  return endpoint.secrets.every((secret) => secret.notBefore <= ms && ms < secret.notAfter)
    ? endpoint.secrets
    : endpoint.secrets.filter((secret) => secret.notBefore <= ms && ms < secret.notAfter);
}

async function unseal(row: Row, secrets: EndpointSecrets, log: Log): Promise<Endpoint> {
  const opened = await Promise.all(
    row.secrets.map(async (secret): Promise<EndpointSecret | null> => {
      try {
        return {
          no: secret.no,
          plain: await secrets.open(secret.sealed, secretContext(row.publicId, secret.no)),
          notBefore: secret.notBefore,
          notAfter: secret.notAfter ?? Number.POSITIVE_INFINITY,
        };
      } catch (error) {
        // One unreadable secret must not silence the endpoints beside it.
        log.error(
          { endpoint: row.publicId, no: secret.no, err: error },
          "A webhook secret cannot be opened.",
        );
        return null;
      }
    }),
  );
  return { ...row, secrets: opened.filter((secret) => secret !== null) };
}

async function readRows(pool: Pool): Promise<Row[]> {
  const client = await pool.connect();
  let failed = true;
  try {
    await client.query("begin");
    await client.query(
      "select set_config('purser.workspaces', (select coalesce(array_agg(id), '{}')::text from workspaces), true)",
    );
    const result = await client.query<{ row: unknown }>(
      `select json_build_object('id', e.id, 'publicId', e.public_id, 'workspaceId', e.workspace_id, 'provider', e.provider,
         'publicUrl', e.public_url, 'livemode', e.livemode, 'isDefault', e.is_default, 'enabled', e.enabled,
         'secrets', coalesce((select json_agg(json_build_object('no', s.no, 'sealed', s.sealed,
             'notBefore', floor(extract(epoch from s.not_before) * 1000), 'notAfter', floor(extract(epoch from s.not_after) * 1000)) order by s.no desc)
           from endpoint_secrets s where s.endpoint_id = e.id), '[]')) as row
       from endpoints e order by e.id`,
    );
    await client.query("commit");
    failed = false;
    return result.rows.map(({ row }) => rowSchema.parse(row));
  } finally {
    client.release(failed);
  }
}

async function writeSnapshot(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function readSnapshot(path: string): Promise<Row[]> {
  return z.array(rowSchema).parse(JSON.parse(await readFile(path, "utf8")));
}
