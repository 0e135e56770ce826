import { type ReactNode, useState } from "react";

import { formatCount, plural } from "./format.ts";
import { useCopied } from "./id-chip.tsx";

import "./records.css";

interface JsonViewProps {
  /** What the document is, for screen readers. */
  readonly label: string;
  /** The text as it came; shown as it is when it is not JSON. */
  readonly text: string;
  /** How deep it stands open at first. */
  readonly depth?: number;
}

/** A JSON document to read and fold, or its exact text. "Raw" and copy give the bytes that came, not our rendering. */
export function JsonView({ label, text, depth = 2 }: JsonViewProps) {
  const [raw, setRaw] = useState(false);
  const [copied, copy] = useCopied();
  const parsed = parse(text);
  return (
    <div>
      <div className="json-tools">
        <span>{formatCount(new Blob([text]).size)} bytes</span>
        {parsed.ok ? null : <span>not JSON</span>}
        {parsed.ok ? (
          <button
            type="button"
            className="linklike"
            aria-pressed={raw}
            onClick={() => setRaw(!raw)}
          >
            {raw ? "Tree" : "Raw"}
          </button>
        ) : null}
        <button type="button" className="linklike" onClick={() => copy(text)}>
          {copied ? "Copied" : "Copy"}
        </button>
      </div>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a scrolling region must be reachable by keyboard */}
      <div className="json" role="region" aria-label={label} tabIndex={0}>
        {raw || !parsed.ok ? (
          <div className="json-line">{text}</div>
        ) : (
          <Node value={parsed.value} open={depth} last />
        )}
      </div>
    </div>
  );
}

function parse(
  text: string,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false } {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false };
  }
}

interface NodeProps {
  readonly name?: string;
  readonly value: unknown;
  readonly open: number;
  readonly last: boolean;
}

function Node({ name, value, open, last }: NodeProps) {
  const [shown, setShown] = useState(open > 0);
  const key =
    name === undefined ? null : (
      <>
        <span className="json-key">{JSON.stringify(name)}</span>
        {": "}
      </>
    );
  const comma = last ? "" : ",";
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) {
    return (
      <div className="json-line json-node">
        {key}
        <Leaf value={value} />
        {comma}
      </div>
    );
  }
  const entries = Object.entries(value);
  const [left, right] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return (
    <div className="json-node">
      <div className="json-line">
        <button
          type="button"
          className="json-fold"
          aria-expanded={shown}
          aria-label={`${shown ? "Fold" : "Unfold"} ${name ?? "the document"}`}
          onClick={() => setShown(!shown)}
        >
          {shown ? "▾" : "▸"}
        </button>
        {key}
        {left}
        {shown ? null : (
          <span className="dim">
            {" "}
            {plural(entries.length, Array.isArray(value) ? "item" : "field")} {right}
            {comma}
          </span>
        )}
      </div>
      {shown ? (
        <>
          {entries.map(([child, inner], at) => (
            <Node
              key={child}
              {...(Array.isArray(value) ? {} : { name: child })}
              value={inner}
              open={open - 1}
              last={at === entries.length - 1}
            />
          ))}
          <div className="json-line">
            {right}
            {comma}
          </div>
        </>
      ) : null}
    </div>
  );
}

function Leaf({ value }: { readonly value: unknown }): ReactNode {
  const kind = typeof value;
  const className =
    kind === "string" ? "json-string" : kind === "number" ? "json-number" : "json-other";
  return <span className={className}>{JSON.stringify(value)}</span>;
}
