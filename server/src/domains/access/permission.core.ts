import { type Role, ROLES } from "#platform/operation/roles.ts";

/** Earlier in ROLES is more power; the auditor stands aside and below everybody who can write. */
export function mayGrant(giver: Role, given: Role): boolean {
  return ROLES.indexOf(giver) <= ROLES.indexOf(given);
}

/** `inbox.*` covers a room, `inbox.list` one operation, no scope at all everything. */
export function scopeCovers(scopes: readonly string[], operation: string): boolean {
  const room = operation.slice(0, operation.indexOf(".") + 1);
  return scopes.length === 0 || scopes.some((scope) => scope === operation || scope === `${room}*`);
}

/** What a token is limited to, beyond its role. */
export interface Limits {
  readonly scopes: readonly string[];
  readonly expiresAt: Date | null;
}

/** Whether what a token makes stays within its own limits: no operation that it may not call, no day longer than it has. */
export function staysWithin(maker: Limits, made: Limits): boolean {
  const scopes =
    maker.scopes.length === 0 ||
    (made.scopes.length > 0 && made.scopes.every((scope) => scopeCovers(maker.scopes, scope)));
  const end =
    maker.expiresAt === null || (made.expiresAt !== null && made.expiresAt <= maker.expiresAt);
  return scopes && end;
}

export interface Origins {
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  readonly method: string;
}

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * May a request that a browser authenticated by cookie write? Only from our own pages: the Origin must
 * be one of ours, or, where a browser sends none, Sec-Fetch-Site must say `same-origin`.
 */
export function isSameSite(request: Origins, ours: readonly string[]): boolean {
  if (SAFE.has(request.method.toUpperCase())) {
    return true;
  }
  if (request.origin !== undefined) {
    return ours.includes(request.origin);
  }
  return request.fetchSite === "same-origin";
}

/** How many tries that fail or are still being judged within {@link THROTTLE_WINDOW_MS} are let through, by what they have in common. */
const THROTTLE_LIMITS = { pair: 5, address: 30, account: 50 } as const;
export const THROTTLE_WINDOW_MS = 15 * 60_000;

export type ThrottleKind = keyof typeof THROTTLE_LIMITS;

/**
 * One address trying one account is stopped early; an account as a whole only late, so that a stranger
 * who knows an address cannot easily keep its owner out.
 *
 * @param counts with the try in question counted in
 */
export function retryAfterSeconds(
  counts: readonly {
    readonly kind: ThrottleKind;
    readonly failures: number;
    readonly windowFrom: Date;
  }[],
  now: Date,
): number | null {
  const waits = counts
    .filter((count) => count.failures > THROTTLE_LIMITS[count.kind])
    .map((count) => count.windowFrom.getTime() + THROTTLE_WINDOW_MS - now.getTime())
    .filter((waitMs) => waitMs > 0);
  return waits.length === 0 ? null : Math.ceil(Math.max(...waits) / 1000);
}
