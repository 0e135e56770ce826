import type { Client } from "pg";

/**
 * NOLOGIN roles, one per door; each pool of `purser_service` takes one at connect. Who may touch what
 * is granted by the migrations; here they only come to exist.
 */
const DOORS = [
  "purser_intake",
  "purser_worker",
  "purser_app",
  "purser_auth",
  "purser_jobs",
  "purser_audit",
] as const;

export interface RolePasswords {
  readonly service: string;
  readonly operator: string;
}

/** "single": this database gives us no CREATEROLE, so every pool runs as the owner (still under forced row-level security). */
export type RoleMode = "separate" | "single";

async function existing(client: Client): Promise<ReadonlySet<string>> {
  const found = await client.query<{ rolname: string }>(
    "select rolname from pg_roles where rolname like 'purser\\_%'",
  );
  return new Set(found.rows.map((row) => row.rolname));
}

/** Roles are of the cluster, not of the database: two databases that migrate at once would both create them. */
const ROLE_LOCK = 7_265_001;

async function ensureLogin(
  client: Client,
  roles: ReadonlySet<string>,
  login: { readonly name: string; readonly password: string; readonly attributes: string },
): Promise<void> {
  const verb = roles.has(login.name) ? "alter" : "create";
  const password = client.escapeLiteral(login.password);
  await client.query(`${verb} role ${login.name} login ${login.attributes} password ${password}`);
}

/**
 * Creates the logins and roles of the house where the owner may, sets the passwords, and says what
 * it found. Where the owner may not, roles that an administrator made beforehand are used as they are.
 *
 * `noinherit`: a service connection can do nothing at all until it has taken its one role.
 */
export async function ensureRoles(client: Client, passwords: RolePasswords): Promise<RoleMode> {
  await client.query("select pg_advisory_xact_lock($1)", [ROLE_LOCK]);
  const mine = await client.query<{ may: boolean }>(
    "select rolcreaterole or rolsuper as may from pg_roles where rolname = current_user",
  );
  const roles = await existing(client);
  if (mine.rows[0]?.may !== true) {
    const complete = [...DOORS, "purser_service", "purser_operator"].every((name) =>
      roles.has(name),
    );
    return complete ? "separate" : "single";
  }
  for (const door of DOORS) {
    if (!roles.has(door)) {
      await client.query(`create role ${door} nologin`);
    }
  }
  await ensureLogin(client, roles, {
    name: "purser_service",
    password: passwords.service,
    attributes: "noinherit",
  });
  await ensureLogin(client, roles, {
    name: "purser_operator",
    password: passwords.operator,
    attributes: "",
  });
  await client.query(`grant ${DOORS.join(", ")} to purser_service`);
  // The owner makes the schemas that better-auth and pg-boss own, which needs membership.
  await client.query(`grant ${DOORS.join(", ")} to current_user`);
  return "separate";
}
