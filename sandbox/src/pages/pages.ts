import type { Api } from "#sandbox/http/api.ts";
import type { Pages } from "#sandbox/http/server.ts";
import type { World } from "#sandbox/stripe/world.ts";

/** The pages customers see. */
export function stripePages(_parts: { w: World; api: Api }): Pages {
  return () => undefined;
}
