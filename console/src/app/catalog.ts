import { operations } from "purser/contract";
import type { Operation } from "purser/operation";

/** Every operation there is, by name. Loaded apart from the first page: only the palette and the generic pages need all. */
export const OPERATIONS: readonly Operation[] = operations.toSorted((left, right) =>
  left.name.localeCompare(right.name),
);

export function operationNamed(name: string): Operation | undefined {
  return OPERATIONS.find((operation) => operation.name === name);
}
