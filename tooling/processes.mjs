import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";

import { MODULES } from "./paths.mjs";

const PASSED_ON = ["SIGINT", "SIGTERM", "SIGHUP"];
const SAME_SIGNAL_MS = 1000;

/** The tools of this project and the Node that is to run them come first. */
export function environmentFor(node) {
  const path = [dirname(node), join(MODULES, ".bin"), process.env.PATH ?? ""];
  return { ...process.env, PATH: path.join(delimiter) };
}

/**
 * Runs a program with our terminal to its end. Signals pass through, once: Ctrl-C reaches us from the
 * terminal and again from npm, and a second one means "hurry" to the server. Resolves with the exit
 * code, 128 + number for a signal as shells do.
 */
export async function runToEnd(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", ...options });
    const last = new Map();
    const pass = (signal) => {
      const now = performance.now();
      if (now - (last.get(signal) ?? -Infinity) > SAME_SIGNAL_MS) {
        child.kill(signal);
      }
      last.set(signal, now);
    };
    for (const signal of PASSED_ON) {
      process.on(signal, pass);
    }
    const settle = () => {
      for (const signal of PASSED_ON) {
        process.off(signal, pass);
      }
    };
    child.on("error", (error) => {
      settle();
      reject(error);
    });
    child.on("close", (code, signal) => {
      settle();
      resolve(code ?? 128 + (constants.signals[signal] ?? 0));
    });
  });
}
