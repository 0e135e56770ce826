import type { Pool } from "pg";

import type { Clock } from "#platform/clock.ts";
import type { Log } from "#platform/log.ts";

import { IntakeFull, startBatcher } from "./batcher.ts";
import { type Accepted, type DurableLog, UNPARSEABLE } from "./durable-log.ts";
import { activeSecrets, type Endpoint, type EndpointDirectory } from "./endpoint-directory.ts";
import { type IntakeFigures, type SpoolFigures, startFigures } from "./intake-figures.ts";
import type {
  Label,
  Provider,
  Refusal,
  RefusalAudit,
  WebhookRequest,
  WebhookSource,
} from "./ports.ts";
import { rememberRecent } from "./recent.ts";
import { startRejections } from "./rejections.ts";

const REMEMBERED = 100_000;

export interface IntakeDeps {
  readonly nodeId: string;
  readonly pool: Pool;
  readonly log: Log;
  readonly clock: Clock;
  readonly directory: EndpointDirectory;
  readonly sources: readonly WebhookSource[];
  readonly durable: DurableLog;
  readonly audit: RefusalAudit | null;
  readonly spool?: SpoolFigures;
  readonly flushes?: number;
}

export type Answer =
  | { readonly kind: "stored"; readonly how: "new" | "duplicate" | "conflict" | "spooled" }
  | { readonly kind: "refused" };

export interface Intake {
  endpointFor(name: string): Endpoint | undefined;
  sourceOf(provider: Provider): WebhookSource | undefined;
  /** Verifies, labels, stores. Resolves when the event is durable. Rejects when it could not be made so. */
  accept(endpoint: Endpoint, request: WebhookRequest): Promise<Answer>;
  /** Records a refusal that was made before verification (size, content type). */
  refuse(
    endpoint: Endpoint,
    request: { readonly header: WebhookRequest["header"]; readonly bytes: number },
    why: { readonly refusal: Refusal; readonly detail: string },
  ): void;
  readonly figures: IntakeFigures;
  stop(): Promise<void>;
}

/** The ear of the house. One per process. */
export function startIntake(deps: IntakeDeps): Intake {
  const sources = new Map(deps.sources.map((source) => [source.provider, source]));
  const batcher = startBatcher({
    log: deps.durable,
    ...(deps.flushes === undefined ? {} : { flushes: deps.flushes }),
  });
  const rejections = startRejections(deps);
  const figures = startFigures(deps);
  const recent = rememberRecent(REMEMBERED);

  const refuse: Intake["refuse"] = (endpoint, request, why) => {
    rejections.note({
      endpoint,
      ...why,
      bytes: request.bytes,
      headers: keptHeaders(request.header),
    });
  };

  const store = async (event: Accepted): Promise<Answer> => {
    figures.arrived(event);
    const key = `${String(event.endpointId)}:${event.externalId}`;
    if (recent.has(key, event.fingerprint)) {
      figures.duplicate(event);
      return { kind: "stored", how: "duplicate" };
    }
    const how = await batcher.submit(event);
    if (how === "turned away") {
      throw new IntakeFull("The spool has no room for events that will be sent again.");
    }
    if (how !== "conflict") {
      recent.add(key, event.fingerprint);
    } else {
      deps.log.error(
        { endpoint: event.endpointId, event: event.externalId },
        "An event came twice under one id with different contents.",
      );
    }
    return { kind: "stored", how };
  };

  return {
    endpointFor: (name) => {
      const endpoint = isProvider(name)
        ? deps.directory.defaultOf(name)
        : deps.directory.byPublicId(name);
      return endpoint?.enabled === true ? endpoint : undefined;
    },
    sourceOf: (provider) => sources.get(provider),
    accept: async (endpoint, request) => {
      const source = sources.get(endpoint.provider);
      const now = deps.clock.now();
      const secrets = activeSecrets(endpoint, now);
      const verdict = judge({
        source,
        endpoint,
        request,
        secrets: secrets.map((secret) => secret.plain),
        now,
      });
      if (!verdict.ok) {
        refuse(endpoint, { header: request.header, bytes: request.body.length }, verdict);
        return { kind: "refused" };
      }
      return store(
        accepted(endpoint, request, {
          label: verdict.label,
          secretNo: secrets[verdict.secret]?.no ?? 0,
          now,
        }),
      );
    },
    refuse,
    figures,
    stop: async () => {
      await batcher.drain();
      await rejections.flush();
      rejections.stop();
      await figures.stop();
    },
  };
}

type Judgement =
  | { readonly ok: true; readonly label: Label; readonly secret: number }
  | { readonly ok: false; readonly refusal: Refusal; readonly detail: string };

function judge(input: {
  readonly source: WebhookSource | undefined;
  readonly endpoint: Endpoint;
  readonly request: WebhookRequest;
  readonly secrets: readonly string[];
  readonly now: Date;
}): Judgement {
  if (input.source === undefined || input.secrets.length === 0) {
    return {
      ok: false,
      refusal: "no_secret",
      detail: "This endpoint has no signing secret in force.",
    };
  }
  const verified = input.source.verify(input.request, input.secrets, input.now);
  if (!verified.ok) {
    return verified;
  }
  const label = input.source.label(input.request, input.now);
  if (
    label.ok &&
    label.livemode !== null &&
    input.endpoint.livemode !== null &&
    label.livemode !== input.endpoint.livemode
  ) {
    return {
      ok: false,
      refusal: "wrong_mode",
      detail: label.livemode
        ? "A live event came to a test endpoint."
        : "A test event came to a live endpoint.",
    };
  }
  return { ok: true, label, secret: verified.secret };
}

function accepted(
  endpoint: Endpoint,
  request: WebhookRequest,
  found: { readonly label: Label; readonly secretNo: number; readonly now: Date },
): Accepted {
  const common = {
    workspaceId: endpoint.workspaceId,
    endpointId: endpoint.id,
    provider: endpoint.provider,
    secretNo: found.secretNo,
    receivedAt: found.now,
    fingerprint: found.label.fingerprint,
    body: request.body,
  };
  if (!found.label.ok) {
    const id = `body_${found.label.fingerprint.toString("hex")}`;
    return {
      ...common,
      externalId: id,
      eventType: UNPARSEABLE,
      okey: `${endpoint.provider}:${id}`,
      lane: 5,
      occurredAt: null,
      apiVersion: null,
      dead: found.label.reason,
    };
  }
  const { externalId, eventType, okey, lane, occurredAt, apiVersion } = found.label;
  return { ...common, externalId, eventType, okey, lane, occurredAt, apiVersion, dead: null };
}

function isProvider(name: string): name is Provider {
  return name === "stripe" || name === "paddle" || name === "twilio";
}

const KEPT_HEADERS = ["content-type", "content-length", "user-agent", "content-encoding"];
const SIGNATURE_HEADERS = ["stripe-signature", "paddle-signature", "x-twilio-signature"];

/** A signature is worth as much as a password to a replayer: only that it was there is kept, and the time it claims. */
function keptHeaders(header: WebhookRequest["header"]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = header(name);
    if (value !== undefined) {
      kept[name] = value.slice(0, 200);
    }
  }
  for (const name of SIGNATURE_HEADERS) {
    const value = header(name);
    if (value !== undefined) {
      kept[name] =
        `${/(?:^|[,;])\s*ts?=\d{1,12}/.exec(value)?.[0].trim() ?? ""} (${String(value.length)} characters)`;
    }
  }
  return kept;
}
