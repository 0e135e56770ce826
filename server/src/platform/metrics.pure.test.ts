import { describe, expect, it } from "vitest";

import { measureProcess, openMetrics } from "./metrics.ts";

describe("the metrics page", () => {
  it("is Prometheus text: help, type, escaped labels, cumulative buckets", async () => {
    const metrics = openMetrics();
    const taken = metrics.counter("purser_taken_total", "Events taken in.");
    taken.add();
    taken.add(2, { provider: 'a"b\\c\nd' });
    metrics.gauge("purser_depth", "Waiting events.").set(3, { lane: 1 });
    const sizes = metrics.histogram("purser_flush_size", "Events a flush.", [1, 10]);
    for (const size of [1, 5, 50]) {
      sizes.observe(size);
    }
    const text = await metrics.render();
    expect(text).toContain(
      "# HELP purser_taken_total Events taken in.\n# TYPE purser_taken_total counter\n",
    );
    expect(text).toContain(
      'purser_taken_total 1\npurser_taken_total{provider="a\\"b\\\\c\\nd"} 2\n',
    );
    expect(text).toContain('purser_depth{lane="1"} 3\n');
    expect(text).toContain(
      'purser_flush_size_bucket{le="1"} 1\npurser_flush_size_bucket{le="10"} 2\npurser_flush_size_bucket{le="+Inf"} 3\npurser_flush_size_sum 56\npurser_flush_size_count 3\n',
    );
    expect(text.endsWith("\n")).toBe(true);
  });

  it("still comes where one source fails, and says which", async () => {
    const metrics = openMetrics();
    measureProcess(metrics);
    metrics.collect("database", async () => {
      throw new Error("away");
    });
    const text = await metrics.render();
    expect(text).toContain('purser_collector_up{collector="database"} 0');
    expect(text).toContain('purser_collector_up{collector="process"} 1');
    expect(text).toMatch(/process_resident_memory_bytes \d+/);
  });

  it("refuses one name for two kinds", () => {
    const metrics = openMetrics();
    metrics.counter("purser_x", "x");
    expect(() => metrics.gauge("purser_x", "x")).toThrow(/counter already/);
  });
});
