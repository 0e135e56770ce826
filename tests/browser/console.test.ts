import { gzipSync } from "node:zlib";

import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  expectNoSideways,
  openBrowser,
  openContext,
  photograph,
  seriousFindings,
  type View,
  watchErrors,
} from "./browser.ts";
import { type RunningPurser, startPurser } from "./purser.ts";

let purser: RunningPurser;
let browser: Browser;
let signedIn: Awaited<ReturnType<BrowserContext["storageState"]>>;

async function open(path: string, view: View = "light"): Promise<{ page: Page; errors: string[] }> {
  const context = await openContext(browser, view, signedIn);
  const page = await context.newPage();
  const errors = watchErrors(page);
  await page.goto(purser.base + path);
  return { page, errors };
}

const rows = (page: Page) => page.getByRole("grid").getByRole("rowgroup").getByRole("row");

beforeAll(async () => {
  [purser, browser] = await Promise.all([startPurser(), openBrowser()]);
  const context = await openContext(browser, "light");
  const page = await context.newPage();
  await page.goto(`${purser.base}/inbox`);
  await page.getByLabel("Email").fill(purser.email);
  await page.getByLabel("Password").fill(purser.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation", { name: "Rooms" }).waitFor();
  // The demo's customers begin by themselves; the rest needs some of what they do.
  await rows(page).nth(5).waitFor({ timeout: 60_000 });
  signedIn = await context.storageState();
  await context.close();
});

afterAll(async () => {
  await browser.close();
  await purser.stop();
});

describe("signing in", () => {
  test("a wrong password is refused in words, and the address is kept for the right one", async () => {
    const context = await openContext(browser, "light");
    const page = await context.newPage();
    await page.goto(`${purser.base}/customers?q=a`);
    await page.getByLabel("Email").fill(purser.email);
    await page.getByLabel("Password").fill("not the password");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await photograph(page, "sign-in");
    await page.getByLabel("Password").fill(purser.password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Customers" }).waitFor();
    expect(new URL(page.url()).search).toBe("?q=a");
    await context.close();
  });
});

describe("Today", () => {
  test.each(["light", "dark", "phone"] as const)("says the state of things (%s)", async (view) => {
    const { page, errors } = await open("/", view);
    await page.getByRole("region", { name: "Backlog" }).waitFor();
    expect((await page.getByRole("heading", { level: 1 }).innerText()).length).toBeGreaterThan(10);
    await page.getByText("Live").waitFor();
    await photograph(page, `today-${view}`);
    await expectNoSideways(page);
    expect(await seriousFindings(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });
});

describe("Inbox", () => {
  test.each(["light", "dark", "phone"] as const)(
    "lists events; one opens beside them (%s)",
    async (view) => {
      const { page, errors } = await open("/inbox?state=applied", view);
      await rows(page)
        .first()
        .click({ position: { x: 40, y: 8 } });
      const panel = page.getByRole("complementary", { name: "Event" });
      await panel.getByRole("region", { name: "Exactly what was sent" }).waitFor();
      expect(new URL(page.url()).searchParams.get("event")).toMatch(/\S/u);
      await photograph(page, `inbox-event-${view}`);
      await expectNoSideways(page);
      expect(await seriousFindings(page)).toEqual([]);
      expect(errors).toEqual([]);
      await page.context().close();
    },
  );

  test("a filter is in the address; back takes it away, and a pasted link shows the same", async () => {
    const { page } = await open("/inbox");
    await rows(page).first().waitFor();
    await page.getByRole("button", { name: "State" }).click();
    await page.getByRole("menuitem", { name: "Applied" }).click();
    await page.getByRole("button", { name: "State: Applied" }).waitFor();
    expect(new URL(page.url()).search).toBe("?state=applied");
    await page.goBack();
    await page.getByRole("button", { name: "State", exact: true }).waitFor();
    await page.goForward();
    await page.reload();
    await page.getByRole("button", { name: "State: Applied" }).waitFor();
    await page.context().close();
  });

  test("new events wait behind a button; no row moves until it is pressed", async () => {
    const { page } = await open("/inbox");
    const newest = rows(page)
      .first()
      .getByRole("button", { name: /^Copy evt_/u });
    const before = await newest.getAttribute("title");
    const button = page.getByRole("button", { name: /\d+\+? new$/u });
    await button.waitFor({ timeout: 60_000 }); // the sandbox's customers act every few seconds
    expect(await newest.getAttribute("title")).toBe(before);
    await button.click();
    await button.waitFor({ state: "detached" });
    expect(await newest.getAttribute("title")).not.toBe(before);
    await page.context().close();
  });

  test("by keyboard alone: down the list, open, along, and out again", async () => {
    const { page } = await open("/inbox");
    await rows(page).first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByRole("complementary", { name: "Event" }).waitFor();
    const first = new URL(page.url()).searchParams.get("event");
    await page.keyboard.press("j");
    await page.waitForFunction(
      (before) => new URL(location.href).searchParams.get("event") !== before,
      first,
    );
    await page.keyboard.press("Escape");
    await page.getByRole("complementary", { name: "Event" }).waitFor({ state: "detached" });
    expect(new URL(page.url()).searchParams.get("event")).toBeNull();
    await page.context().close();
  });

  test("a replay shows what it would do before its button works, and then does it", async () => {
    const { page, errors } = await open("/inbox?state=applied");
    await rows(page)
      .first()
      .click({ position: { x: 40, y: 8 } });
    const panel = page.getByRole("complementary", { name: "Event" });
    await panel.getByRole("button", { name: "Replay…" }).click();
    const dialog = page.getByRole("dialog", { name: "Replay events" });
    await dialog.getByText("Rows", { exact: true }).waitFor();
    await dialog.getByRole("button", { name: "Copy as CLI" }).waitFor();
    await photograph(page, "replay-preview");
    expect(await seriousFindings(page)).toEqual([]);
    await dialog.getByRole("button", { name: /^Replay/u }).click();
    await dialog.getByText("Replayed 1 event.").waitFor();
    expect(errors).toEqual([]);
    await page.context().close();
  });
});

describe("Inbox, for somebody new to it", () => {
  test("a row opens by a click on the id in it; the icon beside the id copies it", async () => {
    const { page } = await open("/inbox");
    const row = rows(page).first();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await row.hover();
    await row.getByRole("button", { name: /^Copy evt_/u }).click();
    await row.getByRole("button", { name: /^Copied evt_/u }).waitFor();
    expect(new URL(page.url()).search).toBe("");
    await row.getByText(/^evt_\w+…/u).click();
    await page.getByRole("complementary", { name: "Event" }).waitFor();
    expect(new URL(page.url()).searchParams.get("event")).toMatch(/\S/u);
    await page.context().close();
  });

  test("a replay of nothing is refused beside its form", async () => {
    const { page, errors } = await open("/inbox");
    await page.getByRole("button", { name: "Replay…" }).click();
    const dialog = page.getByRole("dialog", { name: "Replay events" });
    await dialog.getByLabel("Until").fill("2026-01-02T03:04:05");
    await dialog.getByLabel("Until").fill("");
    await dialog.getByRole("button", { name: "See what would change" }).click();
    await dialog.getByRole("alert").getByText("Nothing was changed.").waitFor();
    await dialog.getByLabel("Type").fill("invoice.*");
    expect(await seriousFindings(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test("a replay begins with the filters of the list", async () => {
    const { page } = await open("/inbox?q=invoice.*&since=1h");
    await rows(page).first().waitFor();
    await page.getByRole("button", { name: "Replay…" }).click();
    const dialog = page.getByRole("dialog", { name: "Replay events" });
    expect(await dialog.getByLabel("Type").inputValue()).toBe("invoice.*");
    expect(await dialog.getByLabel("Since").inputValue()).toMatch(/^\d{4}-\d\d-\d\dT/u);
    await page.context().close();
  });

  test("a word that is no id is looked for among customers", async () => {
    const { page } = await open("/inbox?q=amber");
    await page.getByRole("link", { name: "Search customers for “amber”" }).click();
    await page.getByRole("heading", { name: "Customers" }).waitFor();
    expect(new URL(page.url()).search).toBe("?q=amber");
    await page.context().close();
  });
});

describe("Lists of the record", () => {
  test.each([
    ["/invoices?status=paid", "Invoice", "invoices"],
    ["/subscriptions?status=active", "Subscription", "subscriptions"],
  ])("%s shows what fits and opens one beside it", async (path, panel, name) => {
    const { page, errors } = await open(path);
    await rows(page)
      .first()
      .click({ position: { x: 40, y: 8 } });
    await page.getByRole("complementary", { name: panel }).getByText("Last changed by").waitFor();
    await photograph(page, `${name}-light`);
    expect(await seriousFindings(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test("payments fit a phone", async () => {
    const { page, errors } = await open("/payments", "phone");
    await rows(page).first().waitFor();
    await photograph(page, "payments-phone");
    await expectNoSideways(page);
    expect(await seriousFindings(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });
});

describe("Customers", () => {
  test("any id finds its customer, whose page says why", async () => {
    const { page, errors } = await open("/customers");
    await rows(page)
      .first()
      .click({ position: { x: 40, y: 8 } });
    const panel = page.getByRole("complementary", { name: "Customer" });
    const chip = panel.getByRole("button", { name: /^Copy cus_/u }).first();
    const stripeId = /^\S+/u.exec((await chip.getAttribute("title")) ?? "")?.[0] ?? "";
    await page.getByLabel("Name, email or any id").fill(stripeId);
    await page.waitForURL(/q=cus_/u);
    await page.getByText("1 in all").waitFor();
    await panel.getByRole("button", { name: "Open the whole page" }).click();
    await page.getByRole("region", { name: "Quotas" }).getByRole("table").waitFor();
    await photograph(page, "customer-light");
    for (const tab of ["Invoices", "Payments", "Timeline", "Explain"]) {
      await page.getByRole("tab", { name: tab }).click();
      await page.waitForURL(new RegExp(`tab=${tab.toLowerCase()}`, "u"));
      await page.getByRole("status", { name: /Loading|Working/u }).waitFor({ state: "detached" });
    }
    await photograph(page, "customer-explain-light");
    expect(await seriousFindings(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test("the page fits a phone", async () => {
    const { page } = await open("/customers", "phone");
    await rows(page)
      .first()
      .click({ position: { x: 40, y: 8 } });
    await page.getByRole("button", { name: "Open the whole page" }).click();
    await page.getByRole("region", { name: "Quotas" }).getByRole("table").waitFor();
    await photograph(page, "customer-phone");
    await expectNoSideways(page);
    expect(await seriousFindings(page)).toEqual([]);
    await page.context().close();
  });
});

describe("a reversible act", () => {
  test("a lane is paused with its warning read, and undone", async () => {
    const { page, errors } = await open("/");
    await page.getByRole("region", { name: "Switches" }).getByText("Change").click();
    const dialog = page.getByRole("dialog", { name: "Turn a valve of the inbox" });
    await dialog.getByLabel("Provider").selectOption("paddle");
    await dialog.getByLabel("Lane").selectOption("5");
    await dialog.getByLabel("Paused").check();
    await dialog.getByRole("button", { name: "See what would change" }).click();
    await dialog.getByRole("button", { name: /^Pause lane 5/u }).click();
    await dialog
      .getByRole("status")
      .getByText(/^Paused lane 5 of paddle/u)
      .waitFor();
    await photograph(page, "undo-offered");
    await dialog.getByRole("button", { name: "Undo…" }).click();
    await dialog.getByRole("button", { name: /lane 5/u }).click();
    await dialog
      .getByRole("status")
      .getByText(/^Set lane 5 of paddle/u)
      .waitFor();
    expect(errors).toEqual([]);
    await page.context().close();
  });
});

describe("everywhere", () => {
  test("the first load needs no more than 250 KB of compressed JavaScript", async () => {
    const context = await openContext(browser, "light", signedIn);
    const page = await context.newPage();
    const loaded = new Set<string>();
    page.on("request", (request) => {
      if (new URL(request.url()).pathname.endsWith(".js")) {
        loaded.add(request.url());
      }
    });
    await page.goto(purser.base);
    await page.getByRole("region", { name: "Backlog" }).waitFor();
    const sizes = await Promise.all(
      [...loaded].map(async (url) => {
        const answer = await context.request.get(url);
        return gzipSync(await answer.body()).byteLength;
      }),
    );
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThan(100_000);
    expect(total).toBeLessThan(250_000);
    await context.close();
  });

  test("the palette runs an operation: its form, its refusal at the field", async () => {
    const { page, errors } = await open("/");
    await page.getByRole("region", { name: "Backlog" }).waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("cancel a subscription");
    await page.getByRole("option", { name: /Cancel a subscription/u }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await photograph(page, "palette-light");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Cancel a subscription" });
    await dialog.getByLabel("ID").fill("sub_nobody");
    await dialog.getByLabel("Reason").fill("a");
    await dialog.getByRole("button", { name: "See what would change" }).click();
    await dialog.getByText("At least 3 characters.").waitFor();
    await dialog.getByLabel("Reason").fill("a test of the form");
    await dialog.getByRole("button", { name: "See what would change" }).click();
    await dialog.getByRole("alert").getByText("Nothing was changed.").waitFor();
    expect(await dialog.getByLabel("Reason").inputValue()).toBe("a test of the form");
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test("no letter is lost that is typed right after Ctrl K", async () => {
    const { page } = await open("/inbox");
    await rows(page).first().waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type("jg c amber");
    await page.getByRole("combobox").waitFor();
    expect(await page.getByRole("combobox").inputValue()).toBe("jg c amber");
    expect(new URL(page.url()).pathname).toBe("/inbox");
    await page.context().close();
  });

  test("who may not run an act sees its button, and who may", async () => {
    const { page, errors } = await open("/sign-in");
    await page.route("**/api/session", async (route) => {
      const answer = await route.fetch();
      const body = (await answer.text()).replace('"role":"owner"', '"role":"viewer"');
      await route.fulfill({ response: answer, body });
    });
    await page.goto(`${purser.base}/inbox`);
    const button = page.getByRole("button", { name: "Replay…" });
    await button.waitFor();
    expect(await button.getAttribute("aria-disabled")).toBe("true");
    expect(await button.getAttribute("title")).toMatch(/support staff may do this/u);
    await button.click({ force: true });
    await page.getByText("Your role is viewer.").waitFor();
    expect(await page.getByRole("dialog").count()).toBe(0);
    await photograph(page, "inbox-viewer");
    expect(await seriousFindings(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test("a refusal's type leads to a page that names its code, signed in or not", async () => {
    const context = await openContext(browser, "light");
    const page = await context.newPage();
    await page.goto(`${purser.base}/docs/problems#inbox/empty-replay`);
    await page.getByRole("heading", { name: "Empty replay" }).waitFor();
    await page.getByText("inbox/empty-replay").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await context.close();
  });

  test("g-chords go, u turns times to UTC, ? lists the keys", async () => {
    const { page } = await open("/");
    await page.getByRole("navigation", { name: "Rooms" }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("i");
    await page.getByRole("heading", { name: "Inbox" }).waitFor();
    await rows(page).first().waitFor();
    await page.keyboard.press("u");
    await page.locator("time", { hasText: "UTC" }).first().waitFor();
    await page.keyboard.press("?");
    const help = page.getByRole("dialog", { name: "Keys" });
    await help.getByText("All times in UTC").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.context().close();
  });

  test("a lost connection says so, keeps what is shown, and comes back by itself", async () => {
    const { page } = await open("/inbox");
    await rows(page).first().waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.route("**/api/stream", (route) => route.abort());
    await page.context().setOffline(true);
    await page.getByText("Not live").waitFor({ timeout: 30_000 });
    await rows(page).first().waitFor();
    await page.context().setOffline(false);
    await page.unroute("**/api/stream");
    await page.getByText("Live", { exact: true }).waitFor({ timeout: 30_000 });
    expect(await rows(page).count()).toBeGreaterThan(0);
    await page.context().close();
  });

  test("any read shows its answer on a page with an address", async () => {
    const { page, errors } = await open("/operations/plans.list");
    await page.getByRole("table").waitFor();
    await photograph(page, "operation-plans");
    expect(await seriousFindings(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });
});
