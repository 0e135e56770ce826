import type { Faults } from "#sandbox/faults.ts";
import type { Api } from "#sandbox/http/api.ts";
import type { World } from "#sandbox/stripe/world.ts";

export interface Scenarios {
  names(): readonly string[];
  running(): string | null;
  start(name: string, rate: number): void;
  stop(): void;
  prepareDemo(customers: number): void;
  /** Makes that many events at once, for load. */
  emit(count: number, customers: number): number;
}

export function createScenarios(_parts: { w: World; api: Api; faults: Faults }): Scenarios {
  return { names: () => [], running: () => null, start: () => undefined, stop: () => undefined, prepareDemo: () => undefined, emit: () => 0 };
}
