import { Diff } from "./diff.tsx";
import { formatCount, formatMoney, plural } from "./format.ts";
import { IdChip } from "./id-chip.tsx";
import { ToneIcon } from "./status-pill.tsx";

import "./dialogs.css";

type Fields = Readonly<Record<string, unknown>>;

/** What an act would do. The same shape as the server's preview, which this kit does not import. */
export interface PreviewView {
  readonly summary: string;
  readonly changes: readonly {
    readonly table: string;
    readonly id: string;
    readonly before: Fields | null;
    readonly after: Fields | null;
  }[];
  /** How many rows in all; `changes` may hold the first of them. */
  readonly rows: number;
  readonly money: readonly {
    readonly label: string;
    readonly minor: number;
    readonly currency: string;
  }[];
  readonly calls: readonly { readonly provider: string; readonly what: string }[];
  readonly messages: readonly {
    readonly channel: string;
    readonly to: string;
    readonly what: string;
  }[];
  readonly warnings: readonly string[];
}

const SHOWN_CHANGES = 12;

/** Rows, money, people, messages and provider calls: the numbers first, then each. */
export function PreviewBody({ preview }: { readonly preview: PreviewView }) {
  const shown = preview.changes.slice(0, SHOWN_CHANGES);
  const hidden = preview.rows - shown.length;
  return (
    <>
      <p className="act-head">{preview.summary}</p>
      {preview.warnings.map((warning) => (
        <p key={warning} className="act-warning">
          <ToneIcon tone="warn" size={16} /> {warning}
        </p>
      ))}
      <Tally preview={preview} />
      <div className="act-body">
        {preview.money.length === 0 ? null : (
          <List
            title="Money"
            lines={preview.money.map((each) => ({
              key: each.label,
              text: `${each.label}: ${formatMoney(each.minor, each.currency)} ${each.currency.toUpperCase()}`,
            }))}
          />
        )}
        <List
          title="Messages"
          lines={preview.messages.map((each) => ({
            key: `${each.channel} ${each.to} ${each.what}`,
            text: `${each.channel} to ${each.to}: ${each.what}`,
          }))}
        />
        <List
          title="Provider calls"
          lines={preview.calls.map((each) => ({
            key: `${each.provider} ${each.what}`,
            text: `${each.provider}: ${each.what}`,
          }))}
        />
        {shown.length === 0 ? null : <h3>Changes</h3>}
        {shown.map((change) => (
          <section key={`${change.table} ${change.id}`} className="act-change">
            <header>
              <span>
                {verb(change.before, change.after)} <code>{change.table}</code>
              </span>
              <IdChip id={change.id} keep={28} />
            </header>
            <Diff before={change.before} after={change.after} />
          </section>
        ))}
        {hidden > 0 ? <p className="dim">and {plural(hidden, "more row")}.</p> : null}
      </div>
    </>
  );
}

function verb(before: Fields | null, after: Fields | null): string {
  if (before === null) {
    return "New row in";
  }
  return after === null ? "Removed from" : "Changed in";
}

function Tally({ preview }: { readonly preview: PreviewView }) {
  const people = new Set(preview.messages.map((each) => each.to)).size;
  const cells: readonly (readonly [string, string])[] = [
    ["Rows", formatCount(preview.rows)],
    ["Money", moneyWords(preview.money)],
    ["People written to", people === 0 ? "none" : formatCount(people)],
    ["Messages", preview.messages.length === 0 ? "none" : formatCount(preview.messages.length)],
    ["Provider calls", preview.calls.length === 0 ? "none" : formatCount(preview.calls.length)],
  ];
  return (
    <dl className="act-tally">
      {cells.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Sums by currency; two currencies are never added. */
function moneyWords(money: PreviewView["money"]): string {
  if (money.length === 0) {
    return "none";
  }
  const sums = new Map<string, number>();
  for (const each of money) {
    sums.set(each.currency, (sums.get(each.currency) ?? 0) + each.minor);
  }
  return [...sums].map(([currency, minor]) => formatMoney(minor, currency)).join(" + ");
}

interface ListProps {
  readonly title: string;
  readonly lines: readonly { readonly key: string; readonly text: string }[];
}

function List({ title, lines }: ListProps) {
  if (lines.length === 0) {
    return null;
  }
  return (
    <>
      <h3>{title}</h3>
      <ul className="act-list">
        {lines.map((line) => (
          <li key={line.key}>{line.text}</li>
        ))}
      </ul>
    </>
  );
}
