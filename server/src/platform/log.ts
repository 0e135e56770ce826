import { type Logger, pino } from "pino";

export type Log = Pick<Logger, "info" | "warn" | "error" | "debug" | "child">;

/** JSON lines; CR, LF and escapes are encoded by JSON itself. Fields that can hold a secret are cut out before they are written. */
export function openLog(options: { level: string; name: string; destination?: string }): Log {
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
    pino.destination({ dest: options.destination ?? 2, mkdir: true, sync: false }),
  );
}
