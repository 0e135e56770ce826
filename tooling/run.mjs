#!/usr/bin/env node
// npm start, test, bench and check. Plain JavaScript for Node 20: it runs before anything is installed.
const [major] = process.versions.node.split(".").map(Number);
if (major < 20) {
  process.stderr.write(
    `Purser needs Node 20 or newer to start (it then brings its own Node 24); this is ${process.version}.\n`,
  );
  process.exit(1);
}
const { main } = await import("./commands.mjs");
process.exitCode = await main(process.argv.slice(2));
