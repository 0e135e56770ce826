import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startSandbox, type Sandbox } from "#sandbox/start.ts";

/** Fixtures of the CLI's `trigger` that belong to what the sandbox simulates; the event of that name must come. */
const TRIGGERS =
  `balance.available billing_portal.configuration.created billing_portal.configuration.updated
billing_portal.session.created charge.captured charge.dispute.closed charge.dispute.created charge.dispute.updated
charge.failed charge.refund.updated charge.refunded charge.succeeded checkout.session.async_payment_failed
checkout.session.async_payment_succeeded checkout.session.completed checkout.session.expired coupon.created
coupon.deleted coupon.updated customer.created customer.deleted customer.discount.created customer.discount.deleted
customer.discount.updated customer.source.created customer.source.updated customer.subscription.created
customer.subscription.deleted customer.subscription.paused customer.subscription.trial_will_end
customer.subscription.updated customer.updated invoice.created invoice.deleted invoice.finalized
invoice.marked_uncollectible invoice.paid invoice.payment_action_required invoice.payment_failed
invoice.payment_succeeded invoice.sent invoice.updated invoice.voided invoiceitem.created invoiceitem.deleted
payment_intent.amount_capturable_updated payment_intent.canceled payment_intent.created payment_intent.payment_failed
payment_intent.processing payment_intent.requires_action payment_intent.succeeded payment_method.attached
payment_method.detached payment_method.updated payout.created payout.updated plan.created plan.deleted plan.updated
price.created price.updated product.created product.deleted product.updated promotion_code.created
promotion_code.updated setup_intent.canceled setup_intent.created setup_intent.requires_action
setup_intent.setup_failed setup_intent.succeeded tax_rate.created tax_rate.updated test_helpers.test_clock.advancing
test_helpers.test_clock.created test_helpers.test_clock.deleted test_helpers.test_clock.ready`.split(
    /\s+/u,
  );

function findBinary(): string | undefined {
  const name = `@stripe/cli-${process.platform}-${process.arch}`;
  try {
    const binary = join(
      dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)),
      "bin",
      "stripe",
    );
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

const binary = findBinary();
if (binary === undefined) {
  process.stderr.write(
    "The official Stripe CLI (@stripe/cli) is not installed for this platform: its tests are skipped.\n",
  );
}

describe.skipIf(binary === undefined)("the official Stripe CLI", () => {
  let sandbox: Sandbox;
  let home: string;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "stripe-cli-"));
    sandbox = await startSandbox();
  });
  afterAll(async () => {
    await sandbox.stop();
    rmSync(home, { recursive: true, force: true });
  });

  const run = async (...args: readonly string[]): Promise<{ code: number | null; out: string }> =>
    await new Promise((resolve) => {
      const child = spawn(binary ?? "", [...args, "--api-base", sandbox.stripeUrl], {
        env: {
          HOME: home,
          PATH: "",
          STRIPE_API_KEY: "sk_test_0123456789abcdef",
          STRIPE_CLI_TELEMETRY_OPTOUT: "1",
        },
      });
      let out = "";
      child.stdout.on("data", (chunk: Buffer) => {
        out += chunk.toString("utf8");
      });
      child.stderr.on("data", (chunk: Buffer) => {
        out += chunk.toString("utf8");
      });
      child.on("close", (code) => resolve({ code, out }));
    });

  test.each(TRIGGERS)("trigger %s causes that event", async (type) => {
    const known = new Set(sandbox.world.events.keys());
    const { code, out } = await run("trigger", type);
    expect([code, out]).toEqual([0, expect.stringContaining("Trigger succeeded")]);
    // Bank debits settle a moment later.
    await expect
      .poll(
        () =>
          [...sandbox.world.events.values()]
            .filter((event) => !known.has(event.id))
            .map((event) => event.type),
        { timeout: 8000 },
      )
      .toContain(type);
  });

  test("changes, refunds, cancels and resends with its resource commands", async () => {
    await run("trigger", "customer.subscription.created");
    const subscription = [...sandbox.world.tables.subscriptions.values()].at(-1);
    const id = subscription?.id ?? "";
    const product = subscription?.items.data[0]?.price.product ?? "";
    const made = await run(
      "prices",
      "create",
      "--product",
      product,
      "--currency",
      "usd",
      "--unit-amount",
      "4500",
      "-d",
      "recurring[interval]=month",
    );
    const price = /"id": "(?<id>price_\w+)"/u.exec(made.out)?.groups?.["id"] ?? "";
    const item = subscription?.items.data[0]?.id ?? "";
    const steps = [
      [
        "subscriptions",
        "update",
        id,
        "-d",
        `items[0][id]=${item}`,
        "-d",
        `items[0][price]=${price}`,
        "-d",
        "proration_behavior=always_invoice",
      ],
      ["coupons", "create", "--percent-off", "20", "--duration", "once"],
      ["subscriptions", "update", id, "--cancel-at-period-end"],
      [
        "refunds",
        "create",
        "--charge",
        [...sandbox.world.tables.charges.keys()].at(-1) ?? "",
        "--amount",
        "500",
      ],
      ["balance", "retrieve"],
      ["events", "list", "--type", "customer.subscription.updated", "--limit", "3"],
      ["events", "resend", [...sandbox.world.events.keys()].at(-1) ?? ""],
      ["subscriptions", "cancel", id, "--confirm"],
      ["get", `/v1/subscriptions/${id}`],
      ["listen", "--print-secret"],
    ];
    const failed: string[] = [];
    for (const step of steps) {
      const { code, out } = await run(...step);
      if (code !== 0 || out.includes('"error"')) {
        failed.push(`${step.join(" ")}: ${out}`);
      }
    }
    expect(failed).toEqual([]);
    expect(sandbox.world.tables.subscriptions.get(id)?.status).toBe("canceled");
  });
});
