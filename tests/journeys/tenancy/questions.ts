import type { Operation } from "../../../server/src/platform/operation/operation.ts";

/** Ids of one workspace, one of each kind that an operation takes. */
export interface Things {
  readonly organization: string;
  readonly customer: string;
  readonly subscription: string;
  readonly invoice: string;
  readonly price: string;
  readonly event: string;
  readonly externalEvent: string;
  readonly endpoint: string;
  readonly auditLine: string;
  readonly token: string;
  readonly staff: string;
  readonly deadJob: string;
}

/**
 * A question to each operation about one workspace's things. `names`: it names a thing, so a stranger's
 * answer must be the one for a thing that never was. Every operation must be here; a test says which is missing.
 */
export const QUESTIONS: Readonly<
  Record<string, { readonly names: boolean; readonly input: (of: Things) => object }>
> = {
  "session.show": plain(),
  "staff.list": plain(),
  "staff.add": plain({
    email: "new@matrix.example",
    name: "New",
    role: "viewer",
    password: "long enough for anyone",
  }),
  "staff.change": naming((of) => ({ id: of.staff, role: "agent" })),
  "tokens.list": plain(),
  "tokens.create": plain({ name: "made by the matrix", role: "viewer" }),
  "tokens.revoke": naming((of) => ({ id: of.token })),
  "audit.list": plain(),
  "audit.show": naming((of) => ({ id: of.auditLine })),
  "audit.verify": plain(),
  "jobs.list": plain(),
  "jobs.runs": plain(),
  "jobs.run": plain({ name: "access.forget_sign_ins" }),
  "jobs.dead": plain(),
  "jobs.retry": naming((of) => ({ id: of.deadJob })),
  "inbox.list": plain(),
  "inbox.show": naming((of) => ({ id: of.event })),
  "inbox.replay": naming((of) => ({ ids: [of.event] })),
  "inbox.backlog": plain(),
  "inbox.wait": plain(),
  "inbox.controls.list": plain(),
  "inbox.controls.set": plain({ provider: "paddle", lane: 9, paused: false }),
  "inbox.rejected.list": plain(),
  "inbox.conflicts.list": plain(),
  "endpoints.list": plain(),
  "endpoints.diagnose": naming((of) => ({ id: of.endpoint })),
  "endpoints.rotate-secret": naming((of) => ({
    id: of.endpoint,
    secret: "whsec_a_new_one_for_the_matrix",
  })),
  "customers.search": plain(),
  "customers.show": naming((of) => ({ id: of.organization })),
  "customers.timeline": naming((of) => ({ id: of.organization })),
  "customers.explain": naming((of) => ({ id: of.organization })),
  "subscriptions.list": plain(),
  "subscriptions.show": naming((of) => ({ id: of.subscription })),
  "subscriptions.explain": naming((of) => ({ id: of.subscription })),
  "subscriptions.resync": naming((of) => ({ id: of.subscription })),
  "subscriptions.cancel": naming((of) => ({ id: of.subscription, reason: "the matrix asks" })),
  "invoices.list": plain(),
  "invoices.show": naming((of) => ({ id: of.invoice })),
  "invoices.explain": naming((of) => ({ id: of.invoice })),
  "payments.list": plain(),
  "plans.list": plain(),
  "plans.set": plain({ tier: "starter", name: "Starter" }),
  "plans.map_price": naming((of) => ({ priceId: of.price, tier: "starter" })),
  "prices.list": plain(),
  "quotas.show": naming((of) => ({ organizationId: of.organization })),
  "quotas.check": naming((of) => ({ organizationId: of.organization, dimension: "sites" })),
  "quotas.consume": naming((of) => ({ organizationId: of.organization, dimension: "posts" })),
  "quotas.release": naming((of) => ({ organizationId: of.organization, dimension: "posts" })),
  "quotas.consume-batch": naming((of) => ({
    items: [{ organizationId: of.organization, dimension: "posts" }],
  })),
  "quotas.set": naming((of) => ({
    organizationId: of.organization,
    dimension: "users",
    limit: 9,
    reason: "the matrix asks",
  })),
  "quotas.reset-all": plain(),
  "entitlements.show": naming((of) => ({ organizationId: of.organization })),
  "entitlements.invalidate": naming((of) => ({ organizationId: of.organization })),
  "today.show": plain(),
  "health.show": plain(),
  "metrics.webhooks": plain(),
  "metrics.payments": plain(),
  "metrics.health": plain(),
  "metrics.summary": plain(),
};

function plain(input: object = {}) {
  return { names: false, input: () => input };
}

function naming(input: (of: Things) => object) {
  return { names: true, input };
}

/** Where an operation lives and what is sent there, made from its declaration. */
export function requestOf(
  operation: Operation,
  input: object,
): { readonly method: string; readonly path: string; readonly body?: object } {
  const rest: Record<string, unknown> = { ...input };
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    const value = String(rest[name]);
    delete rest[name];
    return encodeURIComponent(value);
  });
  if (operation.method === "GET") {
    const query = new URLSearchParams(
      Object.entries(rest).map(([name, value]) => [name, String(value)]),
    ).toString();
    return { method: "GET", path: query === "" ? path : `${path}?${query}` };
  }
  return { method: operation.method, path, body: rest };
}
