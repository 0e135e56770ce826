import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";

/** Floors as docs/decisions/0002 has them; rooms without code yet are not drawn. */
const FLOORS: readonly (readonly [string, readonly string[]])[] = [
  ["4 the bridge", ["watch", "incidents", "playbooks", "integrity", "backups", "drills"]],
  [
    "3 the desks",
    ["quotas", "memberships", "engagement", "reconciliation", "analytics", "reports"],
  ],
  ["2 the trade", ["billing", "voice", "claims", "documents", "binders"]],
  ["1 the post", ["inbox", "messaging"]],
  ["0 the ground", ["audit", "directory", "access", "jobs"]],
];
const IMPORT = /from "(?:#(domains|providers|platform|interfaces|wiring)\/([^/"]+))/g;

/** A mermaid picture of the rooms and the arrows between them, read from the imports of the code. */
export function drawHouse(root: string): string {
  const source = join(root, "server/src");
  const arrows = new Map<string, number>();
  const rooms = new Set<string>();
  for (const file of sourceFiles(source)) {
    const from = roomOf(relative(source, file));
    rooms.add(from);
    for (const match of readFileSync(file, "utf8").matchAll(IMPORT)) {
      const [, area = "", room = ""] = match;
      const to = roomOf(`${area}/${room}/x`);
      if (to !== from && !isEverywhere(from) && !isEverywhere(to)) {
        arrows.set(`${from}-->${to}`, (arrows.get(`${from}-->${to}`) ?? 0) + 1);
      }
    }
  }
  const lines = ["```mermaid", "flowchart TB"];
  for (const [floor, names] of FLOORS) {
    const present = names.filter((name) => rooms.has(name));
    if (present.length > 0) {
      lines.push(`  subgraph "${floor}"`, ...present.map((name) => `    ${name}`), "  end");
    }
  }
  const providers = [...rooms].filter((room) => room.startsWith("provider_")).toSorted();
  if (providers.length > 0) {
    lines.push(
      '  subgraph "the edge"',
      ...providers.map((room) => `    ${room}["${room.replace("provider_", "")}"]`),
      "  end",
    );
  }
  lines.push(
    ...[...arrows.keys()].toSorted().map((arrow) => `  ${arrow.replace("-->", " --> ")}`),
    "```",
    "",
  );
  return lines.join("\n");
}

/** Platform, doors and wiring touch every room: drawn, they would hide the picture. */
function isEverywhere(room: string): boolean {
  return ["platform", "interfaces", "wiring", "root"].includes(room);
}

function roomOf(path: string): string {
  const [area = "", room = ""] = path.split("/");
  switch (area) {
    case "domains":
      return room;
    case "providers":
      return `provider_${room}`;
    case "platform":
    case "interfaces":
    case "wiring":
      return area;
    default:
      return "root";
  }
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/(\.test|\/testing)(\.ts|\/)/.test(name))
    .map((name) => join(folder, name));
}
