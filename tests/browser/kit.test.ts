import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

import type { Browser } from "playwright-core";
import { preview, type PreviewServer } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";

import {
  expectNoSideways,
  openBrowser,
  openContext,
  photograph,
  seriousFindings,
  watchErrors,
} from "./browser.ts";

const CONSOLE = resolve(import.meta.dirname, "../../console");
const FIRST_LOAD_BYTES = 250_000;

let browser: Browser;
let server: PreviewServer;
let base: string;

beforeAll(async () => {
  server = await preview({
    root: CONSOLE,
    preview: { port: 0, host: "127.0.0.1" },
    logLevel: "silent",
  });
  base = server.resolvedUrls?.local[0] ?? "";
  browser = await openBrowser();
});

afterAll(async () => {
  await browser.close();
  await server.close();
});

test.each(["light", "dark", "phone"] as const)(
  "every component in every state: nothing serious for a screen reader, nothing wider than the screen (%s)",
  async (view) => {
    const context = await openContext(browser, view);
    const page = await context.newPage();
    const errors = watchErrors(page);
    await page.goto(`${base}kit`);
    await page.getByRole("heading", { name: "The kit" }).waitFor();
    await page.addStyleTag({ content: ".kit { height: auto !important }" });
    await photograph(page, `kit-${view}`, true);
    await expectNoSideways(page);
    expect(await seriousFindings(page)).toEqual([]);
    expect(errors).toEqual([]);
    await context.close();
  },
);

test.each(["loading", "refused", "ready", "running", "stale", "failed", "done"])(
  "the preview dialog reads well while it is %s",
  async (state) => {
    const context = await openContext(browser, "dark");
    const page = await context.newPage();
    await page.goto(`${base}kit`);
    await page.getByRole("button", { name: `Preview: ${state}` }).click();
    await page.getByRole("dialog").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await photograph(page, `preview-${state}`);
    await context.close();
  },
);

test("a dangerous act wants its word typed before its button works", async () => {
  const context = await openContext(browser, "light");
  const page = await context.newPage();
  await page.goto(`${base}kit`);
  await page.getByRole("button", { name: "Preview: ready" }).click();
  const confirm = page.getByRole("dialog").getByRole("button", { name: "Replay 37 events" });
  expect(await confirm.isDisabled()).toBe(true);
  await page.getByLabel(/cannot be taken back/u).fill("sub_1SVq7000LkdIwHu7ix");
  expect(await confirm.isDisabled()).toBe(false);
  await context.close();
});

test("the first load needs no more than 250 KB of compressed JavaScript", async () => {
  const context = await openContext(browser, "light");
  const page = await context.newPage();
  const loaded = new Set<string>();
  page.on("request", (request) => {
    if (request.url().endsWith(".js")) {
      loaded.add(new URL(request.url()).pathname);
    }
  });
  await page.goto(`${base}kit`, { waitUntil: "networkidle" });
  const sizes = [...loaded].map(
    (path) => gzipSync(readFileSync(join(CONSOLE, "dist", path))).byteLength,
  );
  expect(readdirSync(join(CONSOLE, "dist/assets")).length).toBeGreaterThan(0);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(FIRST_LOAD_BYTES);
  await context.close();
});
