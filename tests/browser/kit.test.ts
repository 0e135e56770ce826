import { resolve } from "node:path";

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
