import { createInterface } from "node:readline/promises";

import { openClient } from "#interfaces/cli/client.ts";
import { runCli } from "#interfaces/cli/program.ts";
import { readConfig } from "#platform/config/env.ts";
import { hangLocalCommands } from "#wiring/local-commands.ts";
import { knownToken } from "#wiring/token.ts";
import { VERSION } from "#wiring/version.ts";

import { operations } from "./contract.ts";

const write = (text: string): void => {
  process.stdout.write(text);
};

const connect: Parameters<typeof runCli>[0]["connect"] = (flags) => {
  const config = readConfig();
  return openClient({
    server: flags.server ?? config.server,
    token: flags.token ?? knownToken(config),
  });
};

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}

process.exitCode = await runCli(
  {
    version: VERSION,
    operations: operations.filter((operation) => operation.name !== "inbox.wait"),
    terminal: {
      out: write,
      err: (text) => {
        process.stderr.write(text);
      },
      width: process.stdout.columns ?? 160,
      ask: process.stdin.isTTY ? ask : null,
    },
    connect,
    local: (program, finish) => {
      hangLocalCommands(program, finish, { write, connect });
    },
  },
  process.argv.slice(2),
);
