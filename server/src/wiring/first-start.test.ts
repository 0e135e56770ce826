import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, it } from "vitest";

import { readConfig } from "#platform/config/env.ts";
import { testDatabase } from "#platform/testing/database.ts";

import { prepareFirstStart } from "./first-start.ts";

const dataDir = mkdtempSync(join(tmpdir(), "purser-first-start-"));
afterAll(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

it.each([
  ["production", false],
  ["development", true],
])("in %s the owner's password is shown at the first start: %s", async (mode, isShown) => {
  const db = await testDatabase();
  const folder = join(dataDir, mode);
  const config = readConfig({
    NODE_ENV: mode,
    PURSER_DATA: folder,
    PURSER_DATABASE_URL: db.ownerUrl,
    PURSER_DEMO: "",
    PURSER_SANDBOX: "",
    PURSER_HOST: "127.0.0.1",
    PURSER_MASTER_KEY: randomBytes(32).toString("base64url"),
    PURSER_ADMIN_TOKEN: "",
    ADMIN_TOKEN: "",
    PURSER_PUBLIC_URL: "",
    PURSER_METRICS_TOKEN: "",
    STRIPE_API_BASE: "",
    STRIPE_WEBHOOK_SECRET: "",
    PADDLE_WEBHOOK_SECRET_KEY: "",
    TWILIO_AUTH_TOKEN: "",
  });
  const first = await prepareFirstStart(
    config,
    {
      ownerUrl: db.ownerUrl,
      serviceUrl: db.serviceUrl,
      operatorUrl: db.operatorUrl,
      roles: "separate",
      embedded: false,
    },
    null,
  );
  const file = join(folder, "keys", "owner-password");
  const password = readFileSync(file, "utf8").trim();
  expect(JSON.stringify(first).includes(password)).toBe(isShown);
  expect(first.ownerPassword).toContain(isShown ? password : file);
});
