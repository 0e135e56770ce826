import { readConfig } from "./config.ts";
import { startSandbox, type Sandbox } from "./start.ts";

try {
  announce(await startSandbox(readConfig(process.argv.slice(2))));
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${JSON.stringify({ ready: false, error: message })}\n`);
  process.exitCode = 1;
}

function announce(sandbox: Sandbox): void {
  const stop = (): void => {
    void sandbox.stop();
  };
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
