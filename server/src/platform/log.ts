import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

import { type Logger, pino } from "pino";

export type Log = Pick<Logger, "info" | "warn" | "error" | "debug" | "child">;

/** JSON lines; CR, LF and escapes are encoded by JSON itself. Fields that can hold a secret are cut out before they are written. */
export function openLog(options: { level: string; name: string; destination?: string }): Log {
  if (options.destination !== undefined) {
    keepToOurselves(options.destination);
  }
  return pino(
    {
      level: options.level,
      base: { process: options.name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: [
          "*.authorization",
          "*.cookie",
          "*.secret",
          "*.password",
          "*.token",
          "*.apiKey",
          "headers.authorization",
          "headers.cookie",
          "secret",
          "password",
          "token",
          "apiKey",
        ],
        censor: "[redacted]",
      },
    },
    pino.destination({ dest: options.destination ?? 2, sync: false }),
  );
}

/** Names and addresses of customers stand in logs: other users of the machine have no business there, in old files neither. */
function keepToOurselves(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, "a", 0o600));
  for (const [path, mode] of [
    [dirname(file), 0o700],
    [file, 0o600],
  ] as const) {
    chmodSync(path, mode);
  }
}
