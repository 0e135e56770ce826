import { type Auth, openAuth } from "#domains/access/auth.ts";
import type { IdentifyDeps } from "#domains/access/identify.ts";

import type { House } from "./house.ts";
import { cookieSecret } from "./secrets.ts";

/** Sign-in and tokens, as the doors need them. */
export function openAccess(house: House): { auth: Auth; identify: IdentifyDeps } {
  const authPool = house.pool("purser_auth");
  const appPool = house.pool("purser_app");
  const { clock, config } = house;
  const auth = openAuth({
    pool: authPool,
    publicUrl: config.publicUrl,
    secret: cookieSecret(config),
  });
  const identify: IdentifyDeps = {
    auth,
    authPool,
    tokenPool: house.pool("purser_auth", "tokens"),
    appPool,
    clock,
    origins: [new URL(config.publicUrl).origin],
    onError: (error) => {
      house.log.error({ err: error }, "access");
    },
  };
  return { auth, identify };
}
