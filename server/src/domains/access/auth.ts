import { betterAuth } from "better-auth";
import { drizzleAdapter } from "better-auth/adapters/drizzle";
import { drizzle } from "drizzle-orm/node-postgres";
import type { Pool } from "pg";

import { authAccounts, authSessions, authUsers, authVerifications } from "./schema.ts";

export interface AuthOptions {
  /** Connections of the role purser_auth. */
  readonly pool: Pool;
  /** PURSER_PUBLIC_URL; https makes the cookies Secure. */
  readonly publicUrl: string;
  /** Other origins that serve our own console, such as the development server's. */
  readonly otherOrigins?: readonly string[];
  /** Signs the session cookies; at least 32 characters, never in the database. */
  readonly secret: string;
  readonly sendReset: (reset: { userId: string; email: string; url: string }) => Promise<void>;
}

const PASSWORD_LENGTH = { least: 12, most: 128 } as const;
const DAY_SECONDS = 24 * 3_600;
/** The address as Fastify judged it, so that no forwarded header of a stranger's making is believed. */
export const ADDRESS_HEADER = "x-purser-address";

/**
 * better-auth, reduced to what a house without public sign-up needs: e-mail and password, opaque
 * sessions in the database (so that revoking one works at once), reset by mail.
 */
export function openAuth(options: AuthOptions) {
  return betterAuth({
    appName: "Purser",
    baseURL: options.publicUrl,
    basePath: "/api/auth",
    secret: options.secret,
    trustedOrigins: [new URL(options.publicUrl).origin, ...(options.otherOrigins ?? [])],
    database: drizzleAdapter(drizzle({ client: options.pool }), {
      provider: "pg",
      schema: {
        user: authUsers,
        session: authSessions,
        account: authAccounts,
        verification: authVerifications,
      },
    }),
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: PASSWORD_LENGTH.least,
      maxPasswordLength: PASSWORD_LENGTH.most,
      revokeSessionsOnPasswordReset: true,
      sendResetPassword: ({ user, url }) =>
        options.sendReset({ userId: user.id, email: user.email, url }),
    },
    session: {
      expiresIn: 7 * DAY_SECONDS,
      updateAge: DAY_SECONDS,
      cookieCache: { enabled: false },
    },
    // Sign-in has its own throttle by account and address (routes.ts); this one covers the other paths.
    rateLimit: {
      enabled: true,
      storage: "memory",
      window: 60,
      max: 60,
      customRules: { "/sign-in/email": false },
    },
    advanced: {
      cookiePrefix: "purser",
      useSecureCookies: options.publicUrl.startsWith("https:"),
      defaultCookieAttributes: { httpOnly: true, sameSite: "lax", path: "/" },
      ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] },
    },
    telemetry: { enabled: false },
    logger: { disabled: true },
  });
}

export type Auth = ReturnType<typeof openAuth>;

/** Makes a sign-in, or finds the one that has this address already (its password stays). Returns its user id. */
export async function ensureUser(
  auth: Auth,
  person: { readonly email: string; readonly name: string; readonly password: string },
): Promise<{ readonly userId: string; readonly made: boolean }> {
  const context = await auth.$context;
  const email = person.email.toLowerCase();
  const found = await context.internalAdapter.findUserByEmail(email);
  if (found !== null) {
    return { userId: found.user.id, made: false };
  }
  const password = await context.password.hash(person.password);
  const user = await context.internalAdapter.createUser(
    { email, name: person.name, emailVerified: true },
    { method: "email-password" },
  );
  await context.internalAdapter.linkAccount({
    userId: user.id,
    providerId: "credential",
    accountId: user.id,
    password,
  });
  return { userId: user.id, made: true };
}

/** Signs a user out everywhere. */
export async function endSessions(auth: Auth, userId: string): Promise<void> {
  const context = await auth.$context;
  await context.internalAdapter.deleteUserSessions(userId);
}
