import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid } from "#sandbox/http/failure.ts";
import {
  bool,
  has,
  metadata,
  needText,
  nullable,
  text,
  texts,
  type Input,
} from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { emit, emitChange } from "./events.ts";
import type { Product } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

/** Makes a product from `name` and the usual members; announces product.created. */
export function createProduct(w: World, input: Input): Product {
  const id = text(input, "id") ?? newId(w, "prod");
  if (w.tables.products.has(id)) {
    throw invalid(`Product already exists.`, "id", "resource_already_exists");
  }
  const now = nowOf(w, null);
  const product: Product = {
    id,
    object: "product",
    active: bool(input, "active") ?? true,
    created: now,
    default_price: null,
    description: nullable(input, "description") ?? null,
    images: [...(texts(input, "images") ?? [])],
    livemode: false,
    marketing_features: [],
    metadata: metadata(input),
    name: needText(input, "name"),
    package_dimensions: null,
    shippable: bool(input, "shippable") ?? null,
    statement_descriptor: nullable(input, "statement_descriptor") ?? null,
    tax_code: nullable(input, "tax_code") ?? null,
    tax_details: null,
    type: "service",
    unit_label: nullable(input, "unit_label") ?? null,
    updated: now,
    url: nullable(input, "url") ?? null,
  };
  w.tables.products.set(id, product);
  emit(w, "product.created", product);
  return product;
}

function update(call: Call): Product {
  const { w, input } = call;
  const before = need(w.tables.products, "product", idOf(call));
  const after = amend(w.tables.products, before, {
    active: bool(input, "active") ?? before.active,
    name: text(input, "name") ?? before.name,
    description: has(input, "description")
      ? (nullable(input, "description") ?? null)
      : before.description,
    default_price: text(input, "default_price") ?? before.default_price ?? null,
    images: [...(texts(input, "images") ?? before.images)],
    metadata: metadata(input, before.metadata),
    tax_code: text(input, "tax_code") ?? before.tax_code ?? null,
    unit_label: text(input, "unit_label") ?? before.unit_label ?? null,
    updated: nowOf(w, null),
  });
  emitChange(w, "product.updated", { before, after });
  return after;
}

function remove(call: Call): object {
  const { w } = call;
  const product = need(w.tables.products, "product", idOf(call));
  if ([...w.tables.prices.values()].some((price) => price.product === product.id)) {
    throw invalid("This product cannot be deleted because it has one or more user-created prices.");
  }
  w.tables.products.delete(product.id);
  w.secrets.tombstones.set(product.id, "product");
  emit(w, "product.deleted", product);
  return { id: product.id, object: "product", deleted: true };
}

export const productRoutes: readonly Route[] = [
  route("POST", "/v1/products", "productCreate", (call) => createProduct(call.w, call.input)),
  route("GET", "/v1/products", "productList", (call) => {
    const ids = texts(call.input, "ids");
    return page(
      call,
      call.w.tables.products.values(),
      (product) =>
        matches(call, "active", product.active) && (ids === undefined || ids.includes(product.id)),
    );
  }),
  route("GET", "/v1/products/*", [], (call) => need(call.w.tables.products, "product", idOf(call))),
  route("POST", "/v1/products/*", "productUpdate", update),
  route("DELETE", "/v1/products/*", [], remove),
];
