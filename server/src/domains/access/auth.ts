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
}

const PASSWORD_LENGTH = { least: 12, most: 128 } as const;
const DAY_SECONDS = 24 * 3_600;
/** The address as Fastify judged it, so that no forwarded header of a stranger's making is believed. */
export const ADDRESS_HEADER = "x-purser-address";

/**
 * better-auth, reduced to what a house without public sign-up needs: e-mail and password, and opaque
 * sessions in the database (so that revoking one works at once). No reset: nothing here sends mail yet.
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
    },
    // Whoever reads the table learns no link or code that still works.
    verification: { storeIdentifier: "hashed" },
    session: {
      expiresIn: 7 * DAY_SECONDS,
      updateAge: DAY_SECONDS,
      cookieCache: { enabled: false },
    },
    // Sign-in has its own throttle by account and address (sign-in.ts); this one covers the other paths.
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

/** The id of the user who signs in with this address, in whatever workspace; null where nobody does. */
export async function findUser(auth: Auth, address: string): Promise<string | null> {
  const context = await auth.$context;
  const found = await context.internalAdapter.findUserByEmail(address.trim().toLowerCase());
  return found?.user.id ?? null;
}

/**
 * Makes a sign-in and returns its user id; null where the address has one already, which stays as it is:
 * a password typed by somebody else must never open what its owner has or gets elsewhere.
 */
export async function makeUser(
  auth: Auth,
  person: { readonly email: string; readonly name: string; readonly password: string },
): Promise<string | null> {
  const context = await auth.$context;
  const email = person.email.toLowerCase();
  if ((await findUser(auth, email)) !== null) {
    return null;
  }
  const password = await context.password.hash(person.password);
  try {
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
    return user.id;
  } catch (error) {
    if ((await findUser(auth, email)) !== null) {
      return null; // somebody was faster
    }
    throw error;
  }
}

/** Takes a sign-in back that was made a moment ago and got no place in any workspace. */
export async function removeUser(auth: Auth, userId: string): Promise<void> {
  const context = await auth.$context;
  await context.internalAdapter.deleteUser(userId);
}

/** Signs a user out everywhere. */
export async function endSessions(auth: Auth, userId: string): Promise<void> {
  const context = await auth.$context;
  await context.internalAdapter.deleteUserSessions(userId);
}
