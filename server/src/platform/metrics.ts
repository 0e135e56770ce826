/** A small registry in Prometheus' text format (version 0.0.4): counters, gauges and histograms of one process. */

import { performance } from "node:perf_hooks";

export type Labels = Readonly<Record<string, string | number>>;

export interface Counter {
  add(amount?: number, labels?: Labels): void;
}
export interface Gauge {
  set(value: number, labels?: Labels): void;
  /** Forgets all label sets, so that what is gone is not reported for ever. */
  clear(): void;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

export interface Metrics {
  counter(name: string, help: string): Counter;
  gauge(name: string, help: string): Gauge;
  /** @param buckets upper bounds, ascending; `+Inf` is added */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
  /**
   * Called at every scrape, before rendering, to fill gauges with what is not counted here (a database,
   * a spool). One that fails or takes longer than two seconds spoils nothing but itself:
   * `purser_collector_up{collector=...}` turns 0.
   */
  collect(name: string, fill: () => Promise<void>): void;
  render(): Promise<string>;
}

const COLLECTOR_TIMEOUT_MS = 2_000;

type Kind = "counter" | "gauge" | "histogram";

interface Family {
  readonly kind: Kind;
  readonly help: string;
  /** Rendered label set to value; histograms keep their own. */
  readonly values: Map<string, number>;
  readonly histograms: Map<string, { readonly counts: number[]; sum: number; count: number }>;
  readonly buckets: readonly number[];
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function labelText(labels: Labels | undefined): string {
  if (labels === undefined) {
    return "";
  }
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(String(value))}"`)
    .join(",");
}

function line(name: string, labels: string, value: number): string {
  const shown = Number.isFinite(value) ? String(value) : value > 0 ? "+Inf" : "NaN";
  return labels === "" ? `${name} ${shown}` : `${name}{${labels}} ${shown}`;
}

function joinLabels(left: string, right: string): string {
  return left === "" ? right : `${left},${right}`;
}

function renderFamily(name: string, family: Family): string[] {
  const head = [
    `# HELP ${name} ${family.help.replaceAll("\n", " ")}`,
    `# TYPE ${name} ${family.kind}`,
  ];
  const plain = Array.from(family.values, ([labels, value]) => line(name, labels, value));
  const buckets = Array.from(family.histograms, ([labels, { counts, sum, count }]) => {
    let below = 0;
    const bounded = family.buckets.map((bound, index) => {
      below += counts[index] ?? 0;
      return line(`${name}_bucket`, joinLabels(labels, `le="${bound}"`), below);
    });
    return [
      ...bounded,
      line(`${name}_bucket`, joinLabels(labels, 'le="+Inf"'), count),
      line(`${name}_sum`, labels, sum),
      line(`${name}_count`, labels, count),
    ];
  });
  return [...head, ...plain, ...buckets.flat()];
}

async function withinLimit(fill: () => Promise<void>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, COLLECTOR_TIMEOUT_MS, false);
  fill().then(
    () => resolve(true),
    () => resolve(false),
  );
  const done = await promise;
  clearTimeout(timer);
  return done;
}

export function openMetrics(): Metrics {
  const families = new Map<string, Family>();
  const collectors = new Map<string, () => Promise<void>>();

  function family(
    name: string,
    of: { kind: Kind; help: string; buckets?: readonly number[] },
  ): Family {
    const known = families.get(name);
    if (known !== undefined) {
      if (known.kind !== of.kind) {
        throw new Error(`The metric ${name} is a ${known.kind} already.`);
      }
      return known;
    }
    const made: Family = {
      kind: of.kind,
      help: of.help,
      values: new Map(),
      histograms: new Map(),
      buckets: of.buckets ?? [],
    };
    families.set(name, made);
    return made;
  }

  const up = family("purser_collector_up", {
    kind: "gauge",
    help: "1 where the last scrape could read this source.",
  });

  return {
    counter: (name, help) => {
      const { values } = family(name, { kind: "counter", help });
      return {
        add: (amount = 1, labels) => {
          const at = labelText(labels);
          values.set(at, (values.get(at) ?? 0) + amount);
        },
      };
    },
    gauge: (name, help) => {
      const { values } = family(name, { kind: "gauge", help });
      return {
        set: (value, labels) => {
          values.set(labelText(labels), value);
        },
        clear: () => values.clear(),
      };
    },
    histogram: (name, help, buckets) => {
      const made = family(name, { kind: "histogram", help, buckets });
      return { observe: (value, labels) => observe(made, value, labelText(labels)) };
    },
    collect: (name, fill) => {
      collectors.set(name, fill);
    },
    render: async () => {
      await Promise.all(
        Array.from(collectors, async ([name, fill]) => {
          const done = await withinLimit(fill);
          up.values.set(labelText({ collector: name }), done ? 1 : 0);
        }),
      );
      const lines = Array.from(families, ([name, each]) => renderFamily(name, each)).flat();
      return `${lines.join("\n")}\n`;
    },
  };
}

function observe(family: Family, value: number, at: string): void {
  const known = family.histograms.get(at) ?? {
    counts: family.buckets.map(() => 0),
    sum: 0,
    count: 0,
  };
  const index = family.buckets.findIndex((bound) => value <= bound);
  if (index >= 0) {
    known.counts[index] = (known.counts[index] ?? 0) + 1;
  }
  known.sum += value;
  known.count += 1;
  family.histograms.set(at, known);
}

/** Memory, event-loop delay and uptime of this process, under the names that dashboards expect. */
export function measureProcess(metrics: Metrics): void {
  const memory = metrics.gauge("process_resident_memory_bytes", "Resident memory in bytes.");
  const heap = metrics.gauge("nodejs_heap_size_used_bytes", "Heap in use in bytes.");
  const cpu = metrics.gauge("process_cpu_seconds_total", "User and system time in seconds.");
  const uptime = metrics.gauge("process_uptime_seconds", "Seconds since this process began.");
  const loop = metrics.gauge(
    "nodejs_eventloop_utilization",
    "Share of time in which the event loop was busy since the last scrape, 0 to 1.",
  );
  let last = performance.eventLoopUtilization();
  metrics.collect("process", async () => {
    const used = process.memoryUsage();
    memory.set(used.rss);
    heap.set(used.heapUsed);
    const times = process.cpuUsage();
    cpu.set((times.user + times.system) / 1e6);
    uptime.set(process.uptime());
    const current = performance.eventLoopUtilization();
    loop.set(performance.eventLoopUtilization(current, last).utilization);
    last = current;
  });
}
