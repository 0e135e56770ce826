import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

const PLACES = [
  process.env["PURSER_CHROMIUM"],
  "/usr/lib/chromium/chromium",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const PICTURES = resolve(import.meta.dirname, "../../test-results/browser");
const axeSource = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

/** Chromium as the system has it; nothing is downloaded. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = PLACES.find((place) => place !== undefined && existsSync(place));
  if (executablePath === undefined) {
    throw new Error("No Chromium found: apt-get install chromium, or set PURSER_CHROMIUM.");
  }
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** What a person would call broken. */
const PATIENCE_MS = 10_000;

export const VIEWS = {
  light: { viewport: { width: 1440, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1440, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 375, height: 780 }, colorScheme: "light", hasTouch: true },
} as const;
export type View = keyof typeof VIEWS;

/** Whatever the page threw or logged as an error; a healthy page logs none. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // A refused request is logged by Chromium itself; what the page makes of it is what counts.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      errors.push(message.text());
    }
  });
  return errors;
}

/** Serious and critical findings, one line each with the element, so that a failure can be read. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const results: AxeResults = await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] })",
  );
  return results.violations
    .filter((each) => each.impact === "serious" || each.impact === "critical")
    .flatMap((each) => each.nodes.map((node) => `${each.id}: ${node.html.slice(0, 160)}`));
}

/** The page is no wider than the screen: nothing has to be pushed sideways with a thumb. */
export async function expectNoSideways(page: Page): Promise<void> {
  const widths = await page.evaluate(() => ({
    page: document.documentElement.scrollWidth,
    screen: innerWidth,
  }));
  expect(widths.page).toBeLessThanOrEqual(widths.screen);
}

/** Keeps a picture for people to look at; it is compared with nothing. */
export async function photograph(page: Page, name: string, fullPage = false): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage });
}

/** A fresh context in one of the views, signed in where a state is given. */
export async function openContext(
  browser: Browser,
  view: View,
  storageState?: Awaited<ReturnType<BrowserContext["storageState"]>>,
): Promise<BrowserContext> {
  const context = await browser.newContext({
    ...VIEWS[view],
    reducedMotion: "reduce",
    ...(storageState === undefined ? {} : { storageState }),
  });
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}
