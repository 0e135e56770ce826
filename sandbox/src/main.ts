import { readConfig } from "./config.ts";
import { startSandbox, type Sandbox } from "./start.ts";

try {
  const config = readConfig(process.argv.slice(2));
  announce(await startSandbox(config), config.leashed);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${JSON.stringify({ ready: false, error: message })}\n`);
  process.exitCode = 1;
}

function announce(sandbox: Sandbox, leashed: boolean): void {
  let stopping = false;
  const stop = (): void => {
    if (!stopping) {
      stopping = true;
      void sandbox.stop().finally(() => {
        // A leash that is still held would keep the process.
        process.stdin.destroy();
      });
    }
  };
  if (leashed) {
    process.stdin.once("close", stop).resume();
  }
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  const { stripeUrl, controlUrl, stripePort, controlPort } = sandbox;
  const line = {
    ready: true,
    stripe: stripeUrl,
    control: controlUrl,
    stripePort,
    controlPort,
    pid: process.pid,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
