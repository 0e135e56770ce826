import { createServer } from "node:net";

import type { Config } from "#platform/config/env.ts";

/** Looks before anything is started, so that a taken port costs no database and says which variable moves it. */
export async function requireFreePorts(config: Config): Promise<void> {
  const wanted: readonly (readonly [number, string])[] = [
    [config.port, "PURSER_PORT"],
    ...(config.sandbox ? ([[config.sandboxPort, "PURSER_SANDBOX_PORT"]] as const) : []),
  ];
  for (const [port, variable] of wanted) {
    if (port !== 0 && !(await isFree(port, config.host))) {
      throw new Error(
        `Port ${port} on ${config.host} is taken. Is Purser running already? Else set ${variable} to another.`,
      );
    }
  }
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") {
        resolve(false);
      } else {
        reject(error);
      }
    });
    probe.listen(port, host, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}
