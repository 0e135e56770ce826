import { rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { freePort, makePlace, type Place, purserIn } from "./product.ts";

let place: Place;
let guest: Server | null = null;

beforeEach(async () => {
  place = await makePlace();
});

afterEach(() => {
  guest?.close();
  guest = null;
  rmSync(place.data, { recursive: true, force: true });
});

const KEY = "0123456789abcdef0123456789abcdef-master";
const refuse = (env: Record<string, string>, ...args: string[]) =>
  purserIn({ ...place.env, ...env }, ...args);

describe("a configuration that cannot work is refused in words, every mistake at once", () => {
  test("several mistakes of the environment", async () => {
    const ran = await refuse(
      { PURSER_PORT: "http", PURSER_PUBLIC_URL: "nowhere", PURSER_DEMO: "perhaps" },
      "start",
    );
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("The configuration is not usable");
    for (const name of ["PURSER_PORT", "PURSER_PUBLIC_URL", "PURSER_DEMO"]) {
      expect(ran.err).toContain(name);
    }
    expect(ran.err).not.toContain("    at ");
  });

  test("a master key that is too short", async () => {
    const ran = await refuse({ PURSER_MASTER_KEY: "short" }, "serve");
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("PURSER_MASTER_KEY");
    expect(ran.err).not.toContain('"short"');
  });

  test("a port that somebody else has", async () => {
    guest = createServer().listen(place.port, "127.0.0.1");
    const ran = await refuse({ PURSER_SANDBOX: "off" }, "start");
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(String(place.port));
    expect(ran.err).not.toContain("    at ");
  });

  test("a part without a database", async () => {
    const ran = await refuse({}, "work");
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("Run `npm start` first, or set PURSER_DATABASE_URL.");
  });

  test("a database that nobody answers for", async () => {
    const url = `postgres://nobody:secret@127.0.0.1:${await freePort()}/none`;
    const ran = await refuse({ PURSER_DATABASE_URL: url }, "migrate");
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("ECONNREFUSED");
    expect(`${ran.out}${ran.err}`).not.toContain("secret");
  });
});

describe("wrong use", () => {
  test.each([
    ["an unknown command", ["frobnicate"]],
    ["an unknown flag", ["today", "--loudly"]],
    ["a missing argument", ["subscriptions", "show"]],
  ])("%s ends with 2 and points to the help", async (_, args) => {
    const ran = await refuse({}, ...args);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain("--help");
  });

  test("a server that does not run ends with 1 and says where it was looked for", async () => {
    const ran = await refuse({ PURSER_ADMIN_TOKEN: "a-token-of-nobody-01" }, "today");
    expect(ran.code).toBe(1);
    expect(ran.err).toContain(String(place.port));
  });
});

describe("production", () => {
  const production = { NODE_ENV: "production", PURSER_DEMO: "", PURSER_SANDBOX: "" };

  test("refuses the demo, the sandbox, the bypass, missing and well-known secrets, all named at once", async () => {
    const ran = await refuse(
      {
        ...production,
        PURSER_DEMO: "on",
        PURSER_SANDBOX: "on",
        PADDLE_WEBHOOK_BYPASS_SIGNATURE_IN_DEV: "true",
        STRIPE_WEBHOOK_SECRET: "whsec_test",
      },
      "start",
    );
    expect(ran.code).toBe(1);
    for (const name of [
      "PURSER_MASTER_KEY",
      "PURSER_DEMO",
      "PURSER_SANDBOX",
      "PADDLE_WEBHOOK_BYPASS_SIGNATURE_IN_DEV",
      "STRIPE_WEBHOOK_SECRET",
    ]) {
      expect(ran.err).toContain(name);
    }
  });

  test.each([
    ["on its own", "changeme"],
    ["among good ones while rotating", "whsec_9f2c1d7a6b5e4c3d2a1f,whsec_test"],
    ["of the sandbox's examples", "whsec_sandbox_local"],
  ])("refuses a well-known webhook secret %s", async (_, secret) => {
    const ran = await refuse(
      { ...production, PURSER_MASTER_KEY: KEY, STRIPE_WEBHOOK_SECRET: secret },
      "serve",
    );
    expect(ran.code).toBe(1);
    expect(ran.err).toContain("STRIPE_WEBHOOK_SECRET is a well-known default");
  });

  test("refuses a part just as it refuses the whole", async () => {
    for (const command of ["serve", "intake", "work", "migrate"]) {
      const ran = await refuse(production, command);
      expect({ command, code: ran.code }).toEqual({ command, code: 1 });
      expect(ran.err).toContain("PURSER_MASTER_KEY");
    }
  });

  test("does not take the key file that is not there for a key", async () => {
    const file = join(place.data, "no-such-key");
    const ran = await refuse({ ...production, PURSER_MASTER_KEY_FILE: file }, "serve");
    expect(ran.code).toBe(1);
    writeFileSync(file, "short\n");
    const short = await refuse({ ...production, PURSER_MASTER_KEY_FILE: file }, "serve");
    expect(short.code).toBe(1);
  });
});
