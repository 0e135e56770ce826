import { Command, CommanderError } from "commander";

import type { Operation, Preview } from "#platform/operation/operation.ts";

import { type CliClient, ServerAway, ServerRefusal } from "./client.ts";
import { type FieldFlag, flagsOf, readField } from "./flags.ts";
import { renderPreview, renderResult } from "./render.ts";

/** 0 done, 1 refused or failed, 2 wrong usage, 3 needs approval, 4 partly done. */
export const EXIT = { done: 0, refused: 1, usage: 2, approval: 3, partly: 4 } as const;

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly width: number;
  /** Asks a person; null where nobody is there to ask. */
  readonly ask: ((question: string) => Promise<string>) | null;
}

export interface GlobalFlags {
  readonly server?: string;
  readonly token?: string;
}

export interface ProgramOptions {
  readonly version: string;
  readonly operations: readonly Operation[];
  readonly terminal: Terminal;
  readonly connect: (flags: GlobalFlags) => CliClient;
  /** Commands that open the database or start processes themselves; hung by wiring. */
  readonly local: (program: Command, finish: (code: number) => void) => void;
}

/** Runs one command line and answers with its exit code; prints nothing that the terminal was not given. */
export async function runCli(options: ProgramOptions, argv: readonly string[]): Promise<number> {
  let code: number = EXIT.done;
  const finish = (result: number): void => {
    code = result;
  };
  const program = new Command("purser")
    .description(
      "The billing-operations desk. Every command is an operation of the running server.",
    )
    .version(options.version)
    .option("--server <url>", "the Purser to talk to (default: the local one)")
    .option("--token <token>", "bearer token (default: the local instance's own)")
    .exitOverride()
    .configureOutput({ writeOut: options.terminal.out, writeErr: options.terminal.err })
    .showHelpAfterError("(add --help for the flags)")
    .enablePositionalOptions(false);
  options.local(program, finish);
  for (const operation of options.operations) {
    hang(program, operation, options, finish);
  }
  for (const group of program.commands.filter((command) => command.description() === "")) {
    group.description(group.commands.map((command) => command.name()).join(", "));
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    return explain(error, options.terminal);
  }
  return code;
}

function explain(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
  if (error instanceof ServerRefusal) {
    terminal.err(`${error.message}\n`);
    if (error.status === 400) {
      return EXIT.usage;
    }
    return error.code.endsWith("/needs-approval") ? EXIT.approval : EXIT.refused;
  }
  if (error instanceof ServerAway || error instanceof Error) {
    terminal.err(`${error.message}\n`);
    return EXIT.refused;
  }
  throw error;
}

/** `inbox controls list` becomes three nested commands; the last carries the operation. */
function hang(
  program: Command,
  operation: Operation,
  options: ProgramOptions,
  finish: (code: number) => void,
): void {
  const words = operation.cli.words.split(" ");
  let parent = program;
  for (const word of words.slice(0, -1)) {
    const known = parent.commands.find((command) => command.name() === word);
    parent = known ?? parent.command(word);
  }
  const last = words.at(-1) ?? operation.name;
  const command = parent.commands.find((known) => known.name() === last) ?? parent.command(last);
  command
    .summary(operation.title)
    .description(`${operation.summary}\n\nNeeds: ${operation.roles.join(", ")}.`);
  const flags = flagsOf(operation);
  for (const flag of flags) {
    declare(command, flag);
  }
  command.option("--json", "print the answer as JSON");
  if (operation.risk !== "read") {
    command.option("--preview", "show what would happen and stop");
    command.option(
      "--yes",
      operation.risk === "dangerous"
        ? "do it without asking"
        : "accepted everywhere; only dangerous acts ask",
    );
    command.option("--ticket <id>", "a support ticket to note on it");
  }
  command.action(async (...given: unknown[]) => {
    finish(await act(command, operation, flags, { options, given }));
  });
}

function declare(command: Command, flag: FieldFlag): void {
  const choices = flag.choices.length > 0 ? ` (${flag.choices.join("|")})` : "";
  const fallback = flag.defaultText === null ? "" : ` (default ${flag.defaultText})`;
  const text = `${flag.description}${choices}${fallback}`;
  if (flag.positional) {
    command.argument(flag.required ? `<${flag.field}>` : `[${flag.field}]`, text);
  } else if (flag.kind === "boolean") {
    command.option(`${flag.flag} [value]`, text);
  } else if (flag.required) {
    command.requiredOption(`${flag.flag} <value>`, text);
  } else {
    command.option(`${flag.flag} <value>`, text);
  }
}

async function act(
  command: Command,
  operation: Operation,
  flags: readonly FieldFlag[],
  { options, given }: { options: ProgramOptions; given: readonly unknown[] },
): Promise<number> {
  const { terminal } = options;
  const typed: Record<string, unknown> = command.optsWithGlobals();
  const collected = collect(flags, typed, given);
  if ("refusal" in collected) {
    terminal.err(`${collected.refusal}\n`);
    return EXIT.usage;
  }
  const client = options.connect(globalFlags(typed));
  const print = (value: unknown, human: () => string): void => {
    terminal.out(typed["json"] === true ? `${JSON.stringify(value, null, 2)}\n` : human());
  };
  let previewHash: string | undefined;
  if (typed["preview"] === true || operation.risk === "dangerous") {
    const preview = await client.preview(operation, collected.input);
    const isAsked = typed["preview"] === true || typed["yes"] !== true;
    if (isAsked) {
      print(preview, () => renderPreview(preview));
    }
    if (typed["preview"] === true) {
      return EXIT.done;
    }
    // With --yes nobody looks, and the server still learns which outcome was meant.
    const refusal = isAsked ? await confirm(terminal, preview) : null;
    if (refusal !== null) {
      return refusal;
    }
    previewHash = preview.hash;
  }
  const ticket = typed["ticket"];
  const result = await client.call(operation, collected.input, {
    ...(previewHash === undefined ? {} : { previewHash }),
    ...(typeof ticket === "string" ? { ticket } : {}),
  });
  print(result, () => renderResult(operation, result, terminal.width));
  return isPartly(result) ? EXIT.partly : EXIT.done;
}

async function confirm(terminal: Terminal, preview: Preview): Promise<number | null> {
  if (terminal.ask === null) {
    terminal.err("Nobody is here to confirm this. Add --yes when the preview is what you want.\n");
    return EXIT.usage;
  }
  const answer = await terminal.ask(`${preview.summary}? Type yes to go on: `);
  if (answer.trim().toLowerCase() !== "yes") {
    terminal.err("Nothing was changed.\n");
    return EXIT.refused;
  }
  return null;
}

function globalFlags(typed: Readonly<Record<string, unknown>>): GlobalFlags {
  const { server, token } = typed;
  return {
    ...(typeof server === "string" ? { server } : {}),
    ...(typeof token === "string" ? { token } : {}),
  };
}

function isPartly(result: unknown): boolean {
  return (
    typeof result === "object" &&
    result !== null &&
    "failed" in result &&
    typeof result.failed === "number" &&
    result.failed > 0
  );
}

function collect(
  flags: readonly FieldFlag[],
  typed: Readonly<Record<string, unknown>>,
  given: readonly unknown[],
): { input: Record<string, unknown> } | { refusal: string } {
  const input: Record<string, unknown> = {};
  let position = 0;
  for (const flag of flags) {
    const raw = flag.positional ? given[position] : typed[camel(flag.flag)];
    position += flag.positional ? 1 : 0;
    if (raw === undefined) {
      continue;
    }
    const read =
      raw === true
        ? { value: true }
        : readField(flag, typeof raw === "string" ? raw : JSON.stringify(raw));
    if ("refusal" in read) {
      return read;
    }
    input[flag.field] = read.value;
  }
  return { input };
}

function camel(flag: string): string {
  return flag.slice(2).replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
