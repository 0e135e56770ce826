import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";

import { type Account, asAccount, BARE_ENVIRONMENT } from "./shell.ts";

const OWN_USER = "purser";

function findUser(name: string): Account | null {
  let passwd = "";
  try {
    passwd = readFileSync("/etc/passwd", "utf8");
  } catch {
    return null;
  }
  for (const line of passwd.split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user === name && uid !== undefined && gid !== undefined && uid !== "0") {
      return { uid: Number(uid), gid: Number(gid) };
    }
  }
  return null;
}

function createUser(): Account | null {
  spawnSync("useradd", ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", OWN_USER], {
    env: BARE_ENVIRONMENT,
    stdio: "ignore",
  });
  return findUser(OWN_USER);
}

function canBecome(account: Account): boolean {
  const probe = spawnSync("/bin/sh", ["-c", "true"], {
    ...asAccount(account),
    cwd: "/",
    env: BARE_ENVIRONMENT,
    stdio: "ignore",
  });
  return probe.status === 0;
}

/**
 * Postgres refuses to run as root. For root this is, in this order: the owner of data that exist,
 * `postgres`, `purser` (made where useradd works), `nobody`. initdb looks its uid up by name, so a
 * bare number without an entry in /etc/passwd would not do.
 *
 * @throws Error in a sandbox whose root may not become anybody else
 */
export function chooseAccount(existingData: string | null): Account | null {
  if (process.getuid?.() !== 0) {
    return null;
  }
  if (existingData !== null) {
    const { uid, gid } = statSync(existingData);
    if (uid !== 0) {
      return { uid, gid };
    }
  }
  const account = findUser("postgres") ?? findUser(OWN_USER) ?? createUser() ?? findUser("nobody");
  if (account === null || !canBecome(account)) {
    throw new Error(
      "Postgres does not run as root, and this root may not become another user (postgres, purser, nobody). " +
        "Start Purser as an ordinary user, or give it a database with PURSER_DATABASE_URL.",
    );
  }
  return account;
}
