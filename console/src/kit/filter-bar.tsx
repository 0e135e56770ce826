import { Menu, TextInput } from "@mantine/core";
import { IconCheck, IconChevronDown, IconSearch, IconX } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef, useState } from "react";

import { useKeys } from "./keys.ts";
import { useUrlState } from "./url-state.ts";

import "./page.css";

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** A filter is one word of the address; its value is readable there ("status=failed"). */
export interface Filter {
  readonly key: string;
  readonly label: string;
  readonly choices: readonly Choice[];
}

interface FilterBarProps {
  /** The word of the address that holds the free text, and what may be typed. */
  readonly search?: { readonly key: string; readonly placeholder: string } | undefined;
  readonly filters: readonly Filter[];
  readonly side?: ReactNode;
}

const TYPING_MS = 180;

/** All of a list's filters. The bar keeps no state: what it shows is what the address says. */
export function FilterBar({ search, filters, side }: FilterBarProps) {
  const url = useUrlState();
  const active = filters.filter((filter) => url.get(filter.key) !== null);
  const clearAll = () => url.set(Object.fromEntries(filters.map((filter) => [filter.key, null])));
  return (
    <div className="filterbar" role="search">
      {search === undefined ? null : (
        <SearchInput word={search.key} placeholder={search.placeholder} />
      )}
      {filters.map((filter) => (
        <FilterMenu
          key={filter.key}
          filter={filter}
          value={url.get(filter.key)}
          onChange={(value) => url.set({ [filter.key]: value })}
        />
      ))}
      {active.length > 1 ? (
        <button type="button" className="linklike" onClick={clearAll}>
          Clear filters
        </button>
      ) : null}
      {side}
    </div>
  );
}

function SearchInput({
  word,
  placeholder,
}: {
  readonly word: string;
  readonly placeholder: string;
}) {
  const url = useUrlState();
  const stands = url.get(word) ?? "";
  const [typed, setTyped] = useState(stands);
  const [seen, setSeen] = useState(stands);
  const ref = useRef<HTMLInputElement>(null);
  const { set } = url;
  if (seen !== stands) {
    setSeen(stands); // back, forward or a link changed the address under the field
    setTyped(stands);
  }
  useEffect(() => {
    if (typed === stands) {
      return;
    }
    const timer = setTimeout(() => set({ [word]: typed.trim() }, "replace"), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, stands, set, word]);
  useKeys([
    { keys: "/", label: "Search the list", group: "Lists", run: () => ref.current?.select() },
  ]);
  return (
    <TextInput
      ref={ref}
      className="filter-search"
      aria-label={placeholder}
      placeholder={placeholder}
      leftSection={<IconSearch size={14} aria-hidden />}
      value={typed}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          ref.current?.blur();
        }
      }}
    />
  );
}

interface FilterMenuProps {
  readonly filter: Filter;
  readonly value: string | null;
  readonly onChange: (value: string | null) => void;
}

function FilterMenu({ filter, value, onChange }: FilterMenuProps) {
  const label = filter.choices.find((choice) => choice.value === value)?.label ?? value;
  return (
    <span className="filter-group">
      <Menu>
        <Menu.Target>
          <button type="button" className="filter" data-on={value !== null || undefined}>
            {value === null ? filter.label : `${filter.label}: ${label}`}
            {value === null ? <IconChevronDown size={12} aria-hidden /> : null}
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          {filter.choices.map((choice) => (
            <Menu.Item
              key={choice.value}
              onClick={() => onChange(choice.value)}
              rightSection={choice.value === value ? <IconCheck size={14} aria-hidden /> : null}
            >
              {choice.label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {value === null ? null : (
        <button
          type="button"
          className="filter"
          data-on
          aria-label={`Remove the filter ${filter.label}`}
          onClick={() => onChange(null)}
        >
          <IconX size={12} aria-hidden />
        </button>
      )}
    </span>
  );
}
