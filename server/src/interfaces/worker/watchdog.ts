import { workerData } from "node:worker_threads";

const { shared, patienceMs } = settings(workerData);
const counter = new Int32Array(shared);
let seen = -1;

setInterval(() => {
  const now = Atomics.load(counter, 0);
  if (now === seen) {
    process.stderr.write(
      "The inbox worker's loop stands still; ending the process so that others can go on.\n",
    );
    process.kill(process.pid, "SIGKILL");
  }
  seen = now;
}, patienceMs);

function settings(data: unknown): { shared: SharedArrayBuffer; patienceMs: number } {
  if (
    typeof data === "object" &&
    data !== null &&
    "shared" in data &&
    data.shared instanceof SharedArrayBuffer &&
    "patienceMs" in data &&
    typeof data.patienceMs === "number"
  ) {
    return { shared: data.shared, patienceMs: data.patienceMs };
  }
  throw new TypeError("The watchdog wants { shared, patienceMs }.");
}
