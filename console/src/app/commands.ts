import type { Operation } from "purser/operation";

import { requestOf } from "./client.ts";

function quote(text: string): string {
  return /^[\w./:@,+-]+$/u.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function words(value: unknown): string {
  if (Array.isArray(value)) {
    return value.map(String).join(",");
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The same act on the command line. */
export function asCli(operation: Operation, input: Readonly<Record<string, unknown>>): string {
  const positional = operation.cli.args ?? [];
  const given = Object.entries(input).filter(([, value]) => value !== undefined && value !== null);
  const args = positional.flatMap((name) => {
    const value = input[name];
    return value === undefined || value === null ? [] : [quote(words(value))];
  });
  const flags = given
    .filter(([name]) => !positional.includes(name))
    .map(([name, value]) => {
      const flag = `--${name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)}`;
      return value === true ? flag : `${flag} ${quote(words(value))}`;
    });
  return ["purser", operation.cli.words, ...args, ...flags].join(" ");
}

/**
 * The same act as a request. The token is a variable, so that a copied line is no secret; so is the hash
 * of the preview that a dangerous act wants.
 */
export function asCurl(operation: Operation, input: Readonly<Record<string, unknown>>): string {
  const { url, body } = requestOf(operation, input);
  const parts = [
    `curl -fsS -X ${operation.method} ${quote(location.origin + url)}`,
    `-H "authorization: Bearer $PURSER_TOKEN"`,
  ];
  if (operation.risk === "dangerous") {
    parts.push(`-H "purser-preview-hash: $PURSER_PREVIEW_HASH"`);
  }
  if (body !== undefined) {
    parts.push(`-H 'content-type: application/json'`, `-d ${quote(JSON.stringify(body))}`);
  }
  return parts.join(" \\\n  ");
}
