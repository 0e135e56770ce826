import type { ReactNode } from "react";

import { humanize } from "./format.ts";
import { Money } from "./money.tsx";
import { When } from "./when.tsx";

import "./records.css";

type Fields = Readonly<Record<string, unknown>>;

interface DiffProps {
  /** null: the row did not exist. */
  readonly before: Fields | null;
  /** null: the row is gone. */
  readonly after: Fields | null;
  /** Of the amounts in minor units, where it is known; a field `currency` beside them says it as well. */
  readonly currency?: string | undefined;
}

/** A value as a person writes it: no quotes around plain text, nothing where nothing is. */
function valueText(value: unknown): string {
  if (value === null || value === undefined) {
    return "nothing";
  }
  if (typeof value === "string") {
    return value === "" ? "empty" : value;
  }
  return JSON.stringify(value);
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d/u;
/** Figures of these names are never a time, however large. */
const NO_TIME = /amount|minor|bytes|count|quantity|usage|limit/iu;
const SECONDS_FROM = 1_000_000_000;
const SECONDS_TO = 5_000_000_000;

const MINOR = /[_ ]?minor$/iu;

/** The name of a field for people; an amount shown as money is not of "minor" anything. */
export function fieldWords(name: string, currency?: string): string {
  return humanize(currency === undefined ? name : name.replace(MINOR, ""));
}

/** A value by what its field is: a provider's seconds since 1970 and our instants are shown as moments, amounts as money. */
export function valueView(name: string, value: unknown, currency?: string): ReactNode {
  if (typeof value === "number" && currency !== undefined && MINOR.test(name)) {
    return <Money amountMinor={value} currency={currency} />;
  }
  if (typeof value === "string" && INSTANT.test(value)) {
    return <When at={value} as="short" />;
  }
  const seconds =
    typeof value === "number" && !NO_TIME.test(name) && value > SECONDS_FROM && value < SECONDS_TO;
  return seconds ? <When at={value * 1000} as="short" /> : valueText(value);
}

function textIn(fields: Fields | null, name: string): string | undefined {
  const value = fields?.[name];
  return typeof value === "string" ? value : undefined;
}

/** Field by field, from what to what. Fields that stay the same are left out. */
export function Diff({ before, after, currency: known }: DiffProps) {
  const currency = known ?? textIn(after, "currency") ?? textIn(before, "currency");
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])].filter(
    (name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]),
  );
  if (names.length === 0) {
    return <p className="dim">No field changes.</p>;
  }
  return (
    <table className="diff">
      <tbody>
        {names.map((name) => (
          <tr key={name}>
            <th scope="row" title={name}>
              {fieldWords(name, currency)}
            </th>
            <td>
              {before === null ? null : (
                <>
                  <del>
                    <span className="sr-only">from </span>
                    {valueView(name, before[name], currency)}
                  </del>
                  <span className="diff-arrow" aria-hidden>
                    →
                  </span>
                </>
              )}
              {after === null ? (
                <ins>removed</ins>
              ) : (
                <ins>
                  <span className="sr-only">to </span>
                  {valueView(name, after[name], currency)}
                </ins>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
