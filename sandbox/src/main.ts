import { readConfig } from "./config.ts";
import { startSandbox } from "./start.ts";

const config = readConfig(process.argv.slice(2));
const sandbox = await startSandbox(config);

const stop = (): void => {
  void sandbox.stop().then(() => {
    process.exitCode = 0;
  });
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
process.stdout.write(
  `${JSON.stringify({
    ready: true,
    stripe: sandbox.stripeUrl,
    control: sandbox.controlUrl,
    stripePort: sandbox.stripePort,
    controlPort: sandbox.controlPort,
    pid: process.pid,
  })}\n`,
);
