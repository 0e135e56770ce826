import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import {
  bool,
  metadata,
  needText,
  nested,
  nullable,
  text,
  type Input,
} from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { emit, emitChange } from "./events.ts";
import type { PortalConfiguration, PortalSession } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

function profileOf(
  input: Input,
  before?: PortalConfiguration,
): PortalConfiguration["business_profile"] {
  const profile = nested(input, "business_profile");
  const read = (key: "headline" | "privacy_policy_url" | "terms_of_service_url"): string | null =>
    (profile === undefined ? undefined : nullable(profile, key)) ??
    before?.business_profile[key] ??
    null;
  return {
    headline: read("headline"),
    privacy_policy_url: read("privacy_policy_url"),
    terms_of_service_url: read("terms_of_service_url"),
  };
}

function enabled(features: Input | undefined, name: string, fallback: boolean): boolean {
  const feature = features === undefined ? undefined : nested(features, name);
  return (feature === undefined ? undefined : bool(feature, "enabled")) ?? fallback;
}

/** A portal configuration; without a request, the account's default. */
function configure(w: World, input: Input | undefined): PortalConfiguration {
  const features = input === undefined ? undefined : nested(input, "features");
  const now = nowOf(w, null);
  const empty: Input = { hash: new Map(), path: "" };
  const configuration: PortalConfiguration = {
    id: newId(w, "bpc"),
    object: "billing_portal.configuration",
    active: true,
    application: null,
    business_profile: profileOf(input ?? empty),
    created: now,
    default_return_url:
      input === undefined ? null : (nullable(input, "default_return_url") ?? null),
    features: {
      customer_update: {
        allowed_updates: [],
        enabled: enabled(features, "customer_update", false),
      },
      invoice_history: { enabled: enabled(features, "invoice_history", input === undefined) },
      payment_method_update: {
        enabled: enabled(features, "payment_method_update", input === undefined),
        payment_method_configuration: null,
      },
      subscription_cancel: {
        cancellation_reason: {
          enabled: false,
          feedback_options: null,
          options: ["too_expensive", "missing_features", "unused", "other"],
        },
        enabled: enabled(features, "subscription_cancel", input === undefined),
        mode: "at_period_end",
        proration_behavior: "none",
      },
      subscription_pause: {
        duration: { interval_options: [], type: "indefinite" },
        enabled: false,
      },
      subscription_update: {
        billing_cycle_anchor: null,
        default_allowed_updates: [],
        enabled: enabled(features, "subscription_update", false),
        proration_behavior: "none",
        schedule_at_period_end: { conditions: [] },
        trial_update_behavior: "end_trial",
      },
    },
    is_default: input === undefined,
    livemode: false,
    login_page: { enabled: false, url: null },
    metadata: input === undefined ? {} : metadata(input),
    name: null,
    updated: now,
  };
  w.tables.portalConfigurations.set(configuration.id, configuration);
  emit(w, "billing_portal.configuration.created", configuration);
  return configuration;
}

function createSession(call: Call): PortalSession {
  const { w, input } = call;
  const customer = need(w.tables.customers, "customer", needText(input, "customer"), "customer");
  const known = text(input, "configuration");
  const standing =
    [...w.tables.portalConfigurations.values()].find((one) => one.is_default) ??
    configure(w, undefined);
  const id = newId(w, "bps");
  const session: PortalSession = {
    id,
    object: "billing_portal.session",
    configuration:
      known === undefined
        ? standing.id
        : need(w.tables.portalConfigurations, "configuration", known, "configuration").id,
    created: nowOf(w, null),
    customer: customer.id,
    customer_account: null,
    flow: null,
    livemode: false,
    locale: null,
    on_behalf_of: null,
    return_url: nullable(input, "return_url") ?? null,
    url: `${w.baseUrl}/p/session/${id}`,
  };
  w.tables.portalSessions.set(id, session);
  emit(w, "billing_portal.session.created", session);
  return session;
}

function updateConfiguration(call: Call): PortalConfiguration {
  const before = need(call.w.tables.portalConfigurations, "configuration", idOf(call));
  const after = amend(call.w.tables.portalConfigurations, before, {
    active: bool(call.input, "active") ?? before.active,
    business_profile: profileOf(call.input, before),
    metadata: metadata(call.input, before.metadata ?? {}),
    updated: nowOf(call.w, null),
  });
  emitChange(call.w, "billing_portal.configuration.updated", { before, after });
  return after;
}

export const portalRoutes: readonly Route[] = [
  route("POST", "/v1/billing_portal/sessions", "portalSessionCreate", createSession),
  route("POST", "/v1/billing_portal/configurations", "portalConfigurationCreate", (call) =>
    configure(call.w, call.input),
  ),
  route("GET", "/v1/billing_portal/configurations", "portalConfigurationList", (call) =>
    page(call, call.w.tables.portalConfigurations.values(), (one) =>
      matches(call, "active", one.active),
    ),
  ),
  route("GET", "/v1/billing_portal/configurations/*", [], (call) =>
    need(call.w.tables.portalConfigurations, "configuration", idOf(call)),
  ),
  route(
    "POST",
    "/v1/billing_portal/configurations/*",
    "portalConfigurationUpdate",
    updateConfiguration,
  ),
];
