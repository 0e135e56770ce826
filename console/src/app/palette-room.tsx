import {
  IconArrowRight,
  IconBolt,
  IconEye,
  IconFileInvoice,
  IconMail,
  IconRefresh,
  IconUser,
} from "@tabler/icons-react";
import { customersSearch } from "purser/contract/billing";
import type { Operation } from "purser/operation";
import { useEffect, useMemo, useState } from "react";
import { useLocation } from "wouter";

import { Palette, type PaletteItem } from "../kit/palette.tsx";
import { useAct } from "./act.tsx";
import { addressOf } from "./addresses.ts";
import { OPERATIONS } from "./catalog.ts";
import { useOperation } from "./queries.ts";
import { mayRun, type Session } from "./session.ts";

interface Destination {
  readonly href: string;
  readonly label: string;
  readonly keys: string;
}

interface PaletteRoomProps {
  readonly onClose: () => void;
  readonly session: Session;
  readonly destinations: readonly Destination[];
}

const SEARCH_MS = 120;
const MOST_OPERATIONS = 12;

/** The palette with everything behind it: places, the record, and every operation that the person may run. */
export function PaletteRoom({ onClose, session, destinations }: PaletteRoomProps) {
  const [query, setQuery] = useState("");
  const words = query.trim();
  const asked = useSettled(words, SEARCH_MS);
  const [, navigate] = useLocation();
  const begin = useAct();
  const found = useOperation(
    customersSearch,
    { q: asked, limit: 8 },
    { enabled: asked.length > 1, keep: true },
  );
  const operations = useMemo(
    () => OPERATIONS.filter((operation) => mayRun(session, operation)),
    [session],
  );
  const run = (operation: Operation) => {
    if (operation.risk === "read") {
      navigate(`/operations/${operation.name}`);
    } else {
      begin(operation);
    }
  };
  const customers = asked.length > 1 ? (found.data?.items ?? []) : [];
  const items: PaletteItem[] = [
    ...objectItems(words, navigate),
    ...destinations
      .filter((each) => matches(each.label, words))
      .map((each): PaletteItem => ({
        key: each.href,
        group: "Go to",
        title: each.label,
        keys: each.keys,
        icon: IconArrowRight,
        run: () => navigate(each.href),
      })),
    ...operationItems(operations, words, run),
    ...customers.map((customer): PaletteItem => ({
      key: customer.id,
      group: "Customers",
      title: customer.name,
      detail: customer.email ?? customer.id,
      icon: IconUser,
      run: () => navigate(`/customers/${customer.id}`),
    })),
  ];
  return (
    <Palette
      opened
      onClose={onClose}
      query={query}
      onQuery={setQuery}
      items={items}
      searching={asked !== words || found.isFetching}
    />
  );
}

/** The last value that stood still for a moment. */
function useSettled(value: string, ms: number): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

/** All the words typed are in it, in any order. */
function matches(text: string, typed: string): boolean {
  const low = text.toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/u)
    .every((word) => low.includes(word));
}

const OBJECT_ICONS: Readonly<Record<string, PaletteItem["icon"]>> = {
  evt: IconMail,
  in: IconFileInvoice,
  sub: IconRefresh,
};

/** An id that was typed or pasted whole leads to its thing without asking anybody. */
function objectItems(words: string, navigate: (to: string) => void): PaletteItem[] {
  const href = /^[a-z]+_\w{3,}$/iu.test(words) ? addressOf(words) : null;
  if (href === null) {
    return [];
  }
  const prefix = words.slice(0, words.indexOf("_"));
  return [
    {
      key: `open ${words}`,
      group: "By id",
      title: `Open ${words}`,
      icon: OBJECT_ICONS[prefix] ?? IconUser,
      run: () => navigate(href),
    },
  ];
}

function operationItems(
  operations: readonly Operation[],
  words: string,
  run: (operation: Operation) => void,
): PaletteItem[] {
  return operations
    .filter((operation) =>
      matches(`${operation.title} ${operation.name} ${operation.cli.words}`, words),
    )
    .toSorted((left, right) => Number(left.risk === "read") - Number(right.risk === "read"))
    .slice(0, words === "" ? 6 : MOST_OPERATIONS)
    .map((operation) => ({
      key: operation.name,
      group: "Operations",
      title: operation.title,
      detail: operation.name,
      icon: operation.risk === "read" ? IconEye : IconBolt,
      run: () => run(operation),
    }));
}
