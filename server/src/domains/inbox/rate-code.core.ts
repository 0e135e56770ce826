import { type Lane, type Provider, PROVIDERS } from "./ports.ts";

/** Codes of provider and lane below this; the workspace's number is above. One number is the cheapest key of a map. */
export const CODES = 4096;

export function rateCode(event: {
  readonly workspaceId: number;
  readonly provider: Provider;
  readonly lane: Lane;
}): number {
  return event.workspaceId * CODES + PROVIDERS[event.provider] * 16 + event.lane;
}
