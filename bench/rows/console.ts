import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { type Browser, type Page, type Request, chromium } from "playwright-core";

import { type Bench, PURSER_MAIN, purserEnvironment } from "../kit/bench.ts";
import {
  type Bar,
  type Figure,
  figure,
  notRun,
  short,
  showSpread,
  spreadOf,
  told,
} from "../kit/figures.ts";
import { freePort, startPart } from "../kit/processes.ts";
import { storeOldEvents } from "../kit/stored.ts";

const FIRST_PAGE: Bar = { must: 250, aim: null, better: "less", unit: " KB" };
const INTERACTION: Bar = { must: 200, aim: null, better: "less", unit: " ms" };
const PALETTE: Bar = { must: 50, aim: null, better: "less", unit: " ms" };
const OWNER = "owner@demo.test";
const PLACES = ["/usr/lib/chromium/chromium", "/usr/bin/chromium", "/usr/bin/google-chrome"];

/** Collects what Chromium itself measured: from an input to the frame that shows its effect. */
const WATCH_INTERACTIONS = `
  window.benchInteractions = new Map();
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.interactionId > 0) {
        const before = window.benchInteractions.get(entry.interactionId) ?? 0;
        window.benchInteractions.set(entry.interactionId, Math.max(before, entry.duration));
      }
    }
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
  window.benchPalette = [];
  window.addEventListener("keydown", (event) => {
    if (event.key === "k" && (event.ctrlKey || event.metaKey)) {
      const look = () => {
        const dialog = document.querySelector('[role="dialog"] input');
        if (dialog === null || dialog.getClientRects().length === 0) {
          requestAnimationFrame(look);
        } else {
          requestAnimationFrame(() => window.benchPalette.push(performance.now() - event.timeStamp));
        }
      };
      look();
    }
  }, true);
`;

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}

async function signIn(page: Page, base: string, password: string): Promise<void> {
  await page.goto(`${base}/`);
  await page.getByLabel("Email").fill(OWNER);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Rooms" }).waitFor();
}

/** Bytes on the wire, and what gzip would make of the same script. */
async function weigh(request: Request): Promise<{ wire: number; gzip: number }> {
  const [found, response] = await Promise.all([request.sizes(), request.response()]);
  const body = (await response?.body()) ?? Buffer.alloc(0);
  return { wire: found.responseBodySize, gzip: gzipSync(body).length };
}

/** Kilobytes of JavaScript that the first page takes, signed in, with an empty cache. */
async function firstPageKb(
  browser: Browser,
  base: string,
  password: string,
): Promise<{ wire: number; gzip: number }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await signIn(page, base, password);
  const state = await context.storageState();
  await context.close();
  const fresh = await browser.newContext({ storageState: state });
  const again = await fresh.newPage();
  const sizes: Promise<{ wire: number; gzip: number }>[] = [];
  again.on("requestfinished", (request) => {
    if (new URL(request.url()).pathname.endsWith(".js")) {
      sizes.push(weigh(request));
    }
  });
  // Until the first room is there; what is fetched ahead for other rooms afterwards is no part of it.
  await again.goto(`${base}/`);
  await again.getByRole("heading", { level: 1 }).waitFor();
  const scripts = await Promise.all(sizes);
  await fresh.close();
  return {
    wire: scripts.reduce((sum, size) => sum + size.wire, 0) / 1024,
    gzip: scripts.reduce((sum, size) => sum + size.gzip, 0) / 1024,
  };
}

async function useTable(page: Page, base: string): Promise<number[]> {
  await page.goto(`${base}/inbox`);
  const rows = page.getByRole("grid").getByRole("row");
  await rows.nth(5).waitFor({ timeout: 30_000 });
  for (let turn = 0; turn < 3; turn += 1) {
    for (let press = 0; press < 8; press += 1) {
      await page.keyboard.press("j");
    }
    await page.keyboard.press("Enter");
    await page.keyboard.press("j");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "State" }).first().click();
    await page.keyboard.press("Escape");
    await rows.nth(3 + turn).click({ position: { x: 40, y: 8 } });
    await page.keyboard.press("Escape");
  }
  await page.waitForTimeout(300);
  return numbers(await page.evaluate("[...window.benchInteractions.values()]"));
}

async function usePalette(page: Page): Promise<number[]> {
  for (let turn = 0; turn < 10; turn += 1) {
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  }
  return numbers(await page.evaluate("window.benchPalette"));
}

function p95(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? Number.NaN;
}

async function visit(
  browser: Browser,
  base: string,
  password: string,
  stored: number,
): Promise<Figure[]> {
  const kilobytes = await firstPageKb(browser, base, password);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await context.addInitScript(WATCH_INTERACTIONS);
  const page = await context.newPage();
  await signIn(page, base, password);
  const interactions = await useTable(page, base);
  const palette = await usePalette(page);
  await context.close();
  const [first, ...later] = palette;
  return [
    figure(
      {
        row: "16",
        work: "console over loopback, first page: JavaScript as sent",
        beside: "-",
        detail: `gzip of the same scripts ${short(kilobytes.gzip)} KB`,
      },
      spreadOf([kilobytes.wire]),
      FIRST_PAGE,
    ),
    figure(
      {
        row: "16",
        work: `table of ${short(stored)} events: interaction to the next frame, p95`,
        beside: "-",
        detail: `${interactions.length} interactions slower than 16 ms, slowest ${short(Math.max(0, ...interactions))} ms`,
      },
      spreadOf([interactions.length === 0 ? 16 : p95(interactions)]),
      INTERACTION,
    ),
    figure(
      { row: "16", work: "palette: from the keys to the frame that shows it", beside: "-" },
      spreadOf(later),
      PALETTE,
    ),
    told("16", "palette, first time", showSpread(spreadOf([first ?? Number.NaN]), " ms")),
  ];
}

/** Row 16. */
export async function measureConsole(bench: Bench): Promise<readonly Figure[]> {
  const executablePath = PLACES.find((place) => existsSync(place));
  if (executablePath === undefined) {
    return [notRun("16", "console over loopback", "no Chromium on this machine")];
  }
  const stored = bench.pick(50_000, 1_000_000, 1_000_000);
  await bench.freshPurser();
  bench.say(`  storing ${short(stored)} events ...`);
  await storeOldEvents(bench, 0, stored);
  const port = await freePort();
  const serve = await startPart([process.execPath, PURSER_MAIN, "serve", "--port", String(port)], {
    env: purserEnvironment(bench.dataDir, port),
    logFile: bench.logFile,
  });
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const password = readFileSync(join(bench.dataDir, "keys", "owner-password"), "utf8").trim();
    return await visit(browser, `http://127.0.0.1:${port}`, password, stored);
  } finally {
    await browser.close();
    await serve.stop();
  }
}
