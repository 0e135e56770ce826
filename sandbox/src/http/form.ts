/** A parsed form body or query: nested hashes and leaves; lists are hashes with numeric keys, as they arrive. */
export type FormValue = string | FormHash;
export type FormHash = Map<string, FormValue>;

/** Deepest nesting followed; more is flattened into the last key, so a hostile body cannot grow a deep tree. */
const MAX_DEPTH = 12;

/** Reads `a[b][0][c]=x&d[]=y` into nested maps (maps, so that keys such as __proto__ are only keys). */
export function parseForm(text: string): FormHash {
  const root: FormHash = new Map();
  for (const [name, value] of new URLSearchParams(text)) {
    insert(root, keysOf(name), value);
  }
  return root;
}

function keysOf(name: string): readonly string[] {
  const bracket = name.indexOf("[");
  if (bracket <= 0 || !name.endsWith("]")) {
    return [name];
  }
  const inner = name.slice(bracket + 1, -1).split("][");
  return [name.slice(0, bracket), ...inner].slice(0, MAX_DEPTH);
}

function insert(root: FormHash, keys: readonly string[], value: string): void {
  let hash = root;
  for (const [depth, raw] of keys.entries()) {
    const key = raw === "" ? String(hash.size) : raw;
    if (depth === keys.length - 1) {
      hash.set(key, value);
      return;
    }
    const below = hash.get(key);
    if (below instanceof Map) {
      hash = below;
    } else {
      const made: FormHash = new Map();
      hash.set(key, made);
      hash = made;
    }
  }
}

/** Plain values (as our own scenarios write them) in the shape a form body would have had. */
export function formOf(value: FormInput): FormHash {
  const hash: FormHash = new Map();
  const entries = Array.isArray(value)
    ? value.map((item, at) => [String(at), item] as const)
    : Object.entries(value);
  for (const [key, item] of entries) {
    if (item === undefined) {
      continue;
    }
    hash.set(key, typeof item === "object" ? formOf(item) : String(item));
  }
  return hash;
}

export type FormLeaf = string | number | boolean | undefined;
export type FormInput =
  | readonly (FormLeaf | FormInput)[]
  | { readonly [key: string]: FormLeaf | FormInput };
