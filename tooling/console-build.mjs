import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { MODULES, Refusal, ROOT, say } from "./paths.mjs";
import { environmentFor, runToEnd } from "./processes.mjs";

const NOT_SOURCE = new Set(["dist", "node_modules"]);
/** What of the server is bundled into the browser. */
const SHIPPED = /(^|[/.])(contract|model)\.ts$|^platform\/(operation\/|ids\.ts|money\.ts)/;

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !NOT_SOURCE.has(entry.name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
}

function byName(a, b) {
  return a < b ? -1 : 1;
}

export function sourcesHash(root = ROOT) {
  const server = join(root, "server", "src");
  const files = [
    join(root, "package-lock.json"),
    ...filesBelow(join(root, "console")),
    ...filesBelow(server).filter((file) => SHIPPED.test(relative(server, file))),
  ];
  const hash = createHash("sha256");
  for (const file of files.filter((each) => !/\.test\.tsx?$/.test(each)).toSorted(byName)) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  }
  return hash.digest("hex");
}

export function isBuilt(root = ROOT) {
  const stamp = join(root, "console", "dist", ".sources");
  return existsSync(stamp) && readFileSync(stamp, "utf8") === sourcesHash(root);
}

const COMPRESSIBLE = /\.(js|css|html|svg)$/;

/** The server sends what lies ready: no processor time for compression at each request, and the best there is. */
function compress(dist) {
  for (const file of filesBelow(dist).filter((each) => COMPRESSIBLE.test(each))) {
    const plain = readFileSync(file);
    writeFileSync(`${file}.br`, brotliCompressSync(plain));
    writeFileSync(`${file}.gz`, gzipSync(plain, { level: 9 }));
  }
}

/** Builds the console where its sources changed since the last time; a second or two, and nothing otherwise. */
export async function ensureConsole(node) {
  if (!existsSync(join(ROOT, "console", "index.html")) || isBuilt()) {
    return;
  }
  say("Building the console ...");
  const vite = join(MODULES, "vite", "bin", "vite.js");
  const args = [vite, "build", "--configLoader", "native", "--logLevel", "warn"];
  const code = await runToEnd(node, args, {
    cwd: join(ROOT, "console"),
    env: environmentFor(node),
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (code !== 0) {
    throw new Refusal("The console could not be built; what vite said is above.");
  }
  compress(join(ROOT, "console", "dist"));
  writeFileSync(join(ROOT, "console", "dist", ".sources"), sourcesHash());
}
