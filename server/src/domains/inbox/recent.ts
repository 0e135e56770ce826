/**
 * What this process made durable lately: a storm of retries is answered from here without a commit.
 * It only ever says "seen, same content"; for everything else the ledger in the database decides.
 */
export interface Recent {
  has(key: string, fingerprint: Buffer): boolean;
  add(key: string, fingerprint: Buffer): void;
}

export function rememberRecent(capacity: number): Recent {
  // Two generations instead of a linked list: the older half is dropped in one piece.
  let young = new Map<string, string>();
  let old = new Map<string, string>();
  return {
    has: (key, fingerprint) => {
      const known = young.get(key) ?? old.get(key);
      return known !== undefined && known === fingerprint.toString("latin1");
    },
    add: (key, fingerprint) => {
      if (young.size >= capacity / 2) {
        old = young;
        young = new Map();
      }
      young.set(key, fingerprint.toString("latin1"));
    },
  };
}
