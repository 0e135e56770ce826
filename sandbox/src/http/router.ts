import { LEGACY_PARAMETERS } from "#sandbox/stripe/legacy-parameters.ts";
import { PARAMETERS } from "#sandbox/stripe/parameter-names.ts";

import type { Call, Route } from "./call.ts";
import { invalid, StripeFailure } from "./failure.ts";

export interface Match {
  readonly route: Route;
  readonly ids: readonly string[];
}

interface Node {
  readonly literal: Map<string, Node>;
  wild: Node | undefined;
  readonly routes: Map<string, Route>;
}

export type Router = (method: string, path: string) => Match | undefined;

/** Routes as a tree of path segments, so that hundreds of them cost nothing to tell apart. */
export function createRouter(routes: readonly Route[]): Router {
  const root = emptyNode();
  for (const route of routes) {
    let node = root;
    for (const segment of route.path.split("/").slice(1)) {
      node = child(node, segment);
    }
    node.routes.set(route.method, route);
  }
  return (method, path) => {
    const ids: string[] = [];
    let node: Node | undefined = root;
    for (const segment of path.split("/").slice(1)) {
      const literal: Node | undefined = node?.literal.get(segment);
      if (literal === undefined) {
        ids.push(decode(segment));
      }
      node = literal ?? node?.wild;
    }
    const route = node?.routes.get(method);
    return route === undefined ? undefined : { route, ids };
  };
}

function emptyNode(): Node {
  return { literal: new Map(), wild: undefined, routes: new Map() };
}

function child(node: Node, segment: string): Node {
  if (segment === "*") {
    node.wild ??= emptyNode();
    return node.wild;
  }
  const found = node.literal.get(segment) ?? emptyNode();
  node.literal.set(segment, found);
  return found;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * Refuses parameters that the request does not take. `lenient` (requests without Stripe-Version, or of an older one)
 * also takes those that earlier API versions had, because official clients without a version still send them.
 */
export function checkParameters(match: Match, call: Call, lenient: boolean): void {
  const { takes } = match.route;
  const names: readonly string[] = typeof takes === "string" ? PARAMETERS[takes].split(" ") : takes;
  const legacy = lenient && typeof takes === "string" ? (LEGACY_PARAMETERS.get(takes) ?? []) : [];
  for (const key of call.input.hash.keys()) {
    if (key !== "expand" && !names.includes(key) && !legacy.includes(key)) {
      throw invalid(`Received unknown parameter: ${key}`, key, "parameter_unknown");
    }
  }
}

/** What Stripe says to an address it does not know. */
export function unknownAddress(method: string, path: string): StripeFailure {
  return new StripeFailure({
    status: 404,
    type: "invalid_request_error",
    message: `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
  });
}
