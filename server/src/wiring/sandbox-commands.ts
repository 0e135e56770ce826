import type { Command } from "commander";

import { EXIT } from "#interfaces/cli/program.ts";
import { readConfig } from "#platform/config/env.ts";

import { demoSandbox } from "./sandbox.ts";

/** `purser sandbox ...`: the simulators' clock, faults and scenarios, through their control port. */
export function hangSandboxCommands(
  program: Command,
  finish: (code: number) => void,
  write: (text: string) => void,
): void {
  const ask = async (method: string, path: string, body?: unknown): Promise<void> => {
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
  const sandbox = program
    .command("sandbox")
    .summary("The provider simulators: scenarios, clock, faults");
  sandbox
    .command("state")
    .summary("What the sandbox holds and which faults are on")
    .action(() => ask("GET", "/state"));
  sandbox
    .command("deliveries")
    .summary("The newest webhook deliveries and their answers")
    .action(() => ask("GET", "/deliveries"));
  sandbox
    .command("clock")
    .summary("Move the sandbox's clock forward")
    .argument("<step>", "for example 90s, 15m, 36h, 3d")
    .action((step: string) => ask("POST", "/clock", { advance: step }));
  sandbox
    .command("fault")
    .summary("Turn a fault on")
    .argument(
      "<kind>",
      "outage, rate_limit, slow, error_after, storm, duplicates, shuffle, drop, ties, wrong_secret, bad_version",
    )
    .option("--rate <share>", "0 to 1")
    .option("--ms <ms>", "delay")
    .option("--seconds <seconds>", "how long; without it until `sandbox heal`")
    .action((kind: string, flags: Record<string, string>) =>
      ask("POST", "/faults", {
        kind,
        ...Object.fromEntries(Object.entries(flags).map(([key, value]) => [key, Number(value)])),
      }),
    );
  sandbox
    .command("heal")
    .summary("Turn all faults off")
    .action(() => ask("DELETE", "/faults"));
  sandbox
    .command("scenario")
    .summary("Start or stop a scenario")
    .argument("<action>", "start, stop or list")
    .argument("[name]", "for example busy-day")
    .option("--rate <events>", "events a second")
    .action((action: string, name: string | undefined, flags: { rate?: string }) =>
      action === "list"
        ? ask("GET", "/scenario")
        : ask("POST", "/scenario", {
            action,
            name,
            ...(flags.rate === undefined ? {} : { rate: Number(flags.rate) }),
          }),
    );
}
