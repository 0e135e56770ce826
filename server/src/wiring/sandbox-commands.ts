import type { Command } from "commander";

import { EXIT } from "#interfaces/cli/program.ts";
import { readConfig } from "#platform/config/env.ts";

import { demoSandbox } from "./sandbox.ts";

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** The faults that people turn on by name, and how the control API writes them. */
const FAULTS: Readonly<Record<string, (rate: number) => object>> = {
  "api-outage": () => ({ api: { outage: true } }),
  "rate-limited": (rate) => ({ api: { rateLimited: rate } }),
  slow: (rate) => ({ api: { slowMs: Math.round(rate * 5_000) } }),
  "fail-after-work": (rate) => ({ api: { failAfterWork: rate } }),
  "webhook-outage": () => ({ webhooks: { outage: true } }),
  duplicates: (rate) => ({ webhooks: { duplicates: rate } }),
  shuffle: (rate) => ({ webhooks: { shuffle: Math.max(2, Math.round(rate * 100)) } }),
  drop: (rate) => ({ webhooks: { drop: rate } }),
  storm: (rate) => ({ webhooks: { storm: Math.max(2, Math.round(rate * 50)) } }),
  "wrong-secret": () => ({ webhooks: { wrongSecret: true } }),
  "bad-version": () => ({ webhooks: { badApiVersion: true } }),
};

type Ask = (method: string, path: string, body?: unknown) => Promise<void>;

/** `purser sandbox ...`: the simulator's clock, faults and scenarios, through its control port. */
export function hangSandboxCommands(
  program: Command,
  finish: (code: number) => void,
  write: (text: string) => void,
): void {
  const ask: Ask = async (method, path, body) => {
    const { controlUrl } = demoSandbox(readConfig());
    const response = await fetch(`${controlUrl}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    }).catch(() => null);
    if (response === null) {
      write(
        `No sandbox answers at ${controlUrl}. It runs with \`npm start\` unless PURSER_SANDBOX=off.\n`,
      );
      finish(EXIT.refused);
      return;
    }
    const text = await response.text();
    const json: unknown = text === "" ? { done: true } : JSON.parse(text);
    write(`${JSON.stringify(json, null, 2)}\n`);
    finish(response.ok ? EXIT.done : EXIT.refused);
  };
  const usage = (sentence: string): void => {
    write(`${sentence}\n`);
    finish(EXIT.usage);
  };
  const sandbox = program
    .command("sandbox")
    .summary("The Stripe simulator: scenarios, clock, faults");
  sandbox
    .command("state")
    .summary("What it holds, and which faults are on")
    .action(() => ask("GET", "/state"));
  sandbox
    .command("deliveries")
    .summary("The newest webhook deliveries and how they were answered")
    .action(() => ask("GET", "/deliveries"));
  hangClock(sandbox, ask, usage);
  hangFaults(sandbox, ask, usage);
  hangScenario(sandbox, ask, usage);
}

function hangClock(sandbox: Command, ask: Ask, usage: (sentence: string) => void): void {
  sandbox
    .command("clock")
    .summary("Move its time forward; renewals, retries and cancellations happen on the way")
    .argument("<step>", "for example 90s, 15m, 36h, 3d")
    .action((step: string) => {
      const [, count, unit = ""] = /^(\d+)([smhd])$/.exec(step) ?? [];
      const seconds = UNIT_SECONDS[unit];
      return count === undefined || seconds === undefined
        ? usage(`A step is a number with s, m, h or d, for example 36h; got "${step}".`)
        : ask("POST", "/clock", { advance: Number(count) * seconds });
    });
}

function hangFaults(sandbox: Command, ask: Ask, usage: (sentence: string) => void): void {
  const names = Object.keys(FAULTS).join(", ");
  sandbox
    .command("fault")
    .summary("Turn a fault on until `sandbox heal`")
    .argument("<kind>", names)
    .option("--rate <share>", "how much of it, 0 to 1", "0.3")
    .action((kind: string, flags: { rate: string }) => {
      const fault = FAULTS[kind];
      const rate = Number(flags.rate);
      if (fault === undefined || !(rate >= 0 && rate <= 1)) {
        return usage(`A fault is one of ${names}; its rate is between 0 and 1.`);
      }
      return ask("PUT", "/faults", fault(rate));
    });
  sandbox
    .command("heal")
    .summary("Turn all faults off")
    .action(() => ask("DELETE", "/faults"));
}

function hangScenario(sandbox: Command, ask: Ask, usage: (sentence: string) => void): void {
  sandbox
    .command("scenario")
    .summary("List, start or stop a scenario")
    .argument("[action]", "list, stop, or the name of one to start", "list")
    .option("--rate <events>", "events a second", "1")
    .action((action: string, flags: { rate: string }) => {
      const rate = Number(flags.rate);
      if (!(rate > 0)) {
        return usage(`--rate is a number of events a second, got "${flags.rate}".`);
      }
      switch (action) {
        case "list":
          return ask("GET", "/scenario");
        case "stop":
          return ask("POST", "/scenario", { stop: true });
        default:
          return ask("POST", "/scenario", { start: action, rate });
      }
    });
}
