import type { BatchCtx } from "#platform/context.ts";

/** Codes are stored; never renumber. */
export const PROVIDERS = { stripe: 1, paddle: 2, twilio: 3 } as const;
export type Provider = keyof typeof PROVIDERS;

export function providerOf(code: number): Provider {
  for (const [name, value] of entries) {
    if (value === code) {
      return name;
    }
  }
  throw new RangeError(`No provider has the code ${String(code)}.`);
}
const entries: readonly (readonly [Provider, number])[] = [
  ["stripe", PROVIDERS.stripe],
  ["paddle", PROVIDERS.paddle],
  ["twilio", PROVIDERS.twilio],
];

/** 0 compliance (STOP, complaint), 1 money, 5 the rest, 9 replay and bulk. */
export const LANES = [0, 1, 5, 9] as const;
export type Lane = (typeof LANES)[number];

/** An event as a projection sees it. `body` is exactly the bytes that were signed. */
export interface InboxEvent {
  readonly id: bigint;
  readonly workspaceId: number;
  readonly endpointId: number;
  readonly externalId: string;
  readonly eventType: string;
  /** `stripe:cus_x`: events of one key apply in order of arrival, one worker at a time. */
  readonly okey: string;
  readonly occurredAt: Date;
  readonly receivedAt: Date;
  readonly body: Buffer;
  /** Failed tries so far. */
  readonly attempts: number;
  readonly replay: boolean;
}

/** How an event ended. `waiting` is not an end: the event is tried again when its parent may be there. `dead` is the inbox's own verdict. */
export type Fate =
  | { readonly kind: "applied" }
  | { readonly kind: "ignored"; readonly reason: string }
  | { readonly kind: "superseded"; readonly by: string | null; readonly reason: string }
  | { readonly kind: "waiting"; readonly for: string; readonly reason: string }
  | { readonly kind: "quarantined"; readonly reason: string };

/** Writes a provider's events into the record. */
export interface Projector {
  readonly provider: Provider;
  /**
   * Gets whole keys, ordered by arrival within a key, over any number of workspaces, in one
   * transaction that sees exactly those workspaces. Answers one fate per event, in the order given.
   * A throw fails the batch; the worker then bisects it with savepoints until the culprit stands alone.
   */
  apply(ctx: BatchCtx, events: readonly InboxEvent[]): Promise<readonly Fate[]>;
}

/** A webhook as it came over the wire, before anything is believed. */
export interface WebhookRequest {
  /** The wanted header or undefined; several values of one header arrive joined by a comma, as Node gives them. */
  readonly header: (name: string) => string | undefined;
  readonly body: Buffer;
  /** The address that the provider was told, from configuration and never from Host; null where none is configured. */
  readonly publicUrl: string | null;
  /** Path and query as requested. */
  readonly path: string;
}

/** Why a request was refused; the caller learns none of it, the operator all of it. */
export type Refusal =
  | "header_missing"
  | "header_malformed"
  | "timestamp_stale"
  | "timestamp_future"
  | "wrong_secret"
  | "body_changed"
  | "url_unknown"
  | "no_secret"
  | "wrong_mode"
  | "unknown_endpoint"
  | "body_too_large"
  | "content_type";

export type Verified =
  | { readonly ok: true; /** Index into the secrets that were tried. */ readonly secret: number }
  | { readonly ok: false; readonly refusal: Refusal; readonly detail: string };

/** What is read off an event before it is stored: enough to queue it, nothing more. */
export type Label =
  | {
      readonly ok: true;
      readonly externalId: string;
      readonly eventType: string;
      readonly okey: string;
      readonly lane: Lane;
      readonly occurredAt: Date | null;
      readonly apiVersion: string | null;
      /** null where the provider has no such notion. */
      readonly livemode: boolean | null;
      /** 16 bytes over what must not change between two deliveries of one event. */
      readonly fingerprint: Buffer;
    }
  /** Signed, hence kept; but no event can be read from it. Stored as dead with this reason. */
  | { readonly ok: false; readonly reason: string; readonly fingerprint: Buffer };

/** What the inbox must know of a provider. */
export interface WebhookSource {
  readonly provider: Provider;
  readonly contentTypes: readonly string[];
  verify(request: WebhookRequest, secrets: readonly string[], now: Date): Verified;
  label(request: WebhookRequest, now: Date): Label;
}

/** Opens what `platform/secrets` sealed. `context` binds the ciphertext to its row. */
export interface EndpointSecrets {
  seal(plain: string, context: string): Promise<string> | string;
  open(sealed: string, context: string): Promise<string> | string;
}

/** Tells the audit log of refusals; called at most a few times a second per endpoint. */
export type RefusalAudit = (line: {
  readonly workspaceId: number;
  readonly endpointId: number;
  readonly provider: Provider;
  readonly refusal: Refusal;
  readonly detail: string;
  readonly at: Date;
  /** Refusals since the last line, this one included. */
  readonly count: number;
}) => Promise<void>;

/** One thing that an event changed in the record. */
export interface RecordChange {
  readonly table: string;
  readonly id: string;
  readonly summary: string;
  /** field: [before, after] */
  readonly changed: Readonly<Record<string, readonly [unknown, unknown]>>;
}

/** Asked by the event's page; answered by the rooms that project (billing). */
export type RecordChanges = (
  ctx: Pick<BatchCtx, "tx">,
  event: { readonly workspaceId: number; readonly externalId: string; readonly provider: Provider },
) => Promise<readonly RecordChange[]>;
