import { useCallback } from "react";
import { useSearchParams } from "wouter";

type Change = Readonly<Record<string, string | null>>;

/**
 * The page's state as it stands in the address. `set` with null removes a word; "replace" is for what nobody wants to
 * step back through (typing, moving along a list), "push" for what they do (opening, filtering).
 */
export function useUrlState(): {
  readonly get: (key: string) => string | null;
  readonly set: (change: Change, how?: "push" | "replace") => void;
} {
  const [params, setParams] = useSearchParams();
  const get = useCallback((key: string) => params.get(key), [params]);
  const set = useCallback(
    (change: Change, how: "push" | "replace" = "push") => {
      setParams(
        (before) => {
          const next = new URLSearchParams(before);
          for (const [key, value] of Object.entries(change)) {
            if (value === null || value === "") {
              next.delete(key);
            } else {
              next.set(key, value);
            }
          }
          return next;
        },
        { replace: how === "replace" },
      );
    },
    [setParams],
  );
  return { get, set };
}
