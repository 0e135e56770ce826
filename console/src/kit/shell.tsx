import { Kbd } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import type { ComponentType, ReactNode } from "react";
import { Link } from "wouter";

import { type Tone, ToneIcon } from "./status-pill.tsx";

import "./shell.css";

export interface NavItem {
  readonly href: string;
  readonly label: string;
  readonly icon: ComponentType<{ readonly size: number; readonly stroke: number }>;
  /** A figure worth seeing from every page. */
  readonly count?: string | undefined;
  /** Left out where the screen is a phone's. */
  readonly wideOnly?: boolean;
}

interface ShellProps {
  readonly workspace: string;
  readonly nav: readonly NavItem[];
  readonly path: string;
  readonly live: { readonly tone: Tone; readonly words: string; readonly title: string };
  readonly utc: boolean;
  readonly onUtc: () => void;
  readonly onSearch: () => void;
  /** Theme and account. */
  readonly tools: ReactNode;
  /** Something that concerns every page: connection lost, read-only. */
  readonly banner: ReactNode;
  readonly foot: ReactNode;
  readonly children: ReactNode;
}

const CURRENT = "page" as const;

/** The frame around every page: where I am, what I can reach, whether what I see is live. */
export function Shell(props: ShellProps) {
  return (
    <div className="shell">
      <a className="shell-skip" href="#main">
        To the content
      </a>
      <div className="shell-brand">
        <img src="/mark.svg" alt="" width={20} height={20} />
        <strong title={props.workspace}>{props.workspace}</strong>
      </div>
      <header className="shell-top">
        <button type="button" className="shell-search" onClick={props.onSearch}>
          <IconSearch size={14} aria-hidden />
          <span>Find or run anything</span>
          <Kbd>{/mac|iphone|ipad/iu.test(navigator.userAgent) ? "⌘K" : "Ctrl K"}</Kbd>
        </button>
        <div className="shell-right">
          <span className="shell-live" role="status" title={props.live.title}>
            <ToneIcon tone={props.live.tone} />
            {props.live.words}
          </span>
          <button
            type="button"
            className="shell-toggle shell-wide"
            aria-pressed={props.utc}
            title="All times in UTC (u)"
            onClick={props.onUtc}
          >
            UTC
          </button>
          {props.tools}
        </div>
      </header>
      <nav className="shell-nav" aria-label="Rooms">
        {props.nav.map((item) => (
          <NavLine key={item.href} item={item} path={props.path} />
        ))}
        <div className="shell-nav-foot">{props.foot}</div>
      </nav>
      <main id="main" className="shell-main" tabIndex={-1}>
        {props.banner}
        <div className="shell-page">{props.children}</div>
      </main>
    </div>
  );
}

function NavLine({ item, path }: { readonly item: NavItem; readonly path: string }) {
  const here = item.href === "/" ? path === "/" : path.startsWith(item.href);
  const Icon = item.icon;
  return (
    <Link
      href={item.href}
      aria-current={here ? CURRENT : undefined}
      data-wide={item.wideOnly === true ? true : undefined}
    >
      <Icon size={17} stroke={1.8} />
      {item.label}
      {item.count === undefined ? null : <span className="shell-count">{item.count}</span>}
    </Link>
  );
}
