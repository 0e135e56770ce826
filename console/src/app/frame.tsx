import { ActionIcon, Menu, useMantineColorScheme } from "@mantine/core";
import {
  IconCreditCard,
  IconFileInvoice,
  IconInbox,
  IconLayoutDashboard,
  IconMoon,
  IconRefresh,
  IconSun,
  IconTerminal2,
  IconUserCircle,
  IconUsers,
} from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { inboxBacklog } from "purser/contract/inbox";
import { showHealth } from "purser/contract/watch";
import { lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { useLocation } from "wouter";

import type { Failure } from "../kit/error-state.tsx";
import { formatDuration } from "../kit/format.ts";
import { KeyCaps, KeysHelp } from "../kit/keys-help.tsx";
import { type KeyBinding, useKeys } from "../kit/keys.ts";
import { toggleUtc, usePreferences } from "../kit/preferences.ts";
import { Shell } from "../kit/shell.tsx";
import { type Tone, ToneIcon } from "../kit/status-pill.tsx";
import { useNow } from "../kit/ticker.ts";
import { Toasts } from "../kit/toast.tsx";
import { catchTyping } from "../kit/type-ahead.ts";
import { failureOf } from "./client.ts";
import { useLiveQueries, useOperation } from "./queries.ts";
import { type Session, signOut } from "./session.ts";
import { type Connection, useConnection } from "./stream.ts";

const loadPalette = () => import("./palette-room.tsx");
const PaletteRoom = lazy(async () => ({ default: (await loadPalette()).PaletteRoom }));

/** What is worked off at once is no figure worth a place in the navigation. */
const LATE_S = 5;
const PALETTE_AHEAD_MS = 400;

const PLACES = [
  { href: "/", label: "Today", keys: "g t", icon: IconLayoutDashboard },
  { href: "/inbox", label: "Inbox", keys: "g i", icon: IconInbox },
  { href: "/customers", label: "Customers", keys: "g c", icon: IconUsers },
  {
    href: "/subscriptions",
    label: "Subscriptions",
    keys: "g s",
    icon: IconRefresh,
    wideOnly: true,
  },
  { href: "/invoices", label: "Invoices", keys: "g v", icon: IconFileInvoice },
  { href: "/payments", label: "Payments", keys: "g p", icon: IconCreditCard, wideOnly: true },
  { href: "/operations", label: "Operations", keys: "g o", icon: IconTerminal2 },
] as const;

interface FrameProps {
  readonly session: Session;
  readonly children: ReactNode;
}

/** Everything around a page for somebody who is signed in. */
export function Frame({ session, children }: FrameProps) {
  useLiveQueries();
  const [path, navigate] = useLocation();
  const [help, setHelp] = useState(false);
  const [palette, setPalette] = useState(false);
  const { utc } = usePreferences();
  const connection = useConnection();
  const backlog = useOperation(inboxBacklog, {}, { poll: true });
  const openPalette = () => {
    if (!palette) {
      catchTyping();
      setPalette(true);
    }
  };
  useEffect(() => {
    // Ahead of the first Ctrl K, behind everything that the first page needs.
    const timer = setTimeout(() => void loadPalette(), PALETTE_AHEAD_MS);
    return () => clearTimeout(timer);
  }, []);
  useKeys([
    ...PLACES.map((place): KeyBinding => ({
      keys: place.keys,
      label: place.label,
      group: "Go to",
      run: () => navigate(place.href),
    })),
    {
      keys: "mod+k",
      label: "Find or run anything",
      group: "Everywhere",
      inFields: true,
      run: openPalette,
    },
    { keys: "/", label: "Search", group: "Everywhere", run: openPalette },
    { keys: "u", label: "All times in UTC", group: "Everywhere", run: toggleUtc },
    { keys: "?", label: "These keys", group: "Everywhere", run: () => setHelp(true) },
  ]);
  const late = (backlog.data?.oldestAgeS ?? 0) > LATE_S;
  const depth = late ? (backlog.data?.depth ?? 0) : 0;
  return (
    <Shell
      workspace={session.workspace.name}
      path={path}
      nav={PLACES.map((place) => ({
        href: place.href,
        label: place.label,
        icon: place.icon,
        wideOnly: "wideOnly" in place,
        count: place.href === "/inbox" && depth > 0 ? String(depth) : undefined,
      }))}
      live={liveWords(connection)}
      utc={utc}
      onUtc={toggleUtc}
      onSearch={openPalette}
      tools={<Tools session={session} onHelp={() => setHelp(true)} />}
      banner={
        <>
          <ConnectionBanner connection={connection} />
          <HealthBanner />
        </>
      }
      foot={
        <>
          <KeyCaps keys="?" /> all keys
        </>
      }
    >
      {children}
      <KeysHelp opened={help} onClose={() => setHelp(false)} />
      {palette ? (
        <Suspense fallback={null}>
          <PaletteRoom session={session} destinations={PLACES} onClose={() => setPalette(false)} />
        </Suspense>
      ) : null}
      <Toasts />
    </Shell>
  );
}

function liveWords(connection: Connection): {
  readonly tone: Tone;
  readonly words: string;
  readonly title: string;
} {
  switch (connection.kind) {
    case "live":
      return { tone: "ok", words: "Live", title: "Changes appear as they happen." };
    case "connecting":
      return { tone: "unknown", words: "Connecting", title: "Opening the stream of changes." };
    case "lost":
      return {
        tone: "warn",
        words: "Not live",
        title: "The stream of changes is lost; trying again.",
      };
  }
}

const PATIENCE_MS = 3_000;

function ConnectionBanner({ connection }: { readonly connection: Connection }) {
  const now = useNow();
  if (connection.kind !== "lost" || now - connection.lostAtMs < PATIENCE_MS) {
    return null;
  }
  return (
    <p className="banner" data-tone="warn" role="status">
      The connection was lost {formatDuration(now - connection.lostAtMs)} ago. What you see may be
      that old; it comes back by itself.
    </p>
  );
}

/** What is out of order, on every page: a refused act should surprise nobody. */
function HealthBanner() {
  const health = useOperation(showHealth, {}, { poll: true });
  const words =
    health.error === null
      ? (health.data?.checks ?? [])
          .filter((check) => check.level === "fail")
          .map((check) => check.sentence)
          .join(" ")
      : bannerWords(failureOf(health.error));
  return words === "" ? null : (
    <p className="banner" data-tone="fail" role="status">
      <ToneIcon tone="fail" /> {words}
    </p>
  );
}

/** A refusal for lack of a role is no sign of ill health. */
function bannerWords(failure: Failure): string {
  return failure.status !== undefined && failure.status < 500
    ? ""
    : `${failure.title} ${failure.detail ?? ""}`;
}

function Tools({ session, onHelp }: { readonly session: Session; readonly onHelp: () => void }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const client = useQueryClient();
  const dark =
    colorScheme === "dark" ||
    (colorScheme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  const leave = async () => {
    await signOut();
    client.clear();
    location.assign("/");
  };
  return (
    <>
      <span className="shell-wide">
        <ActionIcon
          aria-label={dark ? "Light colours" : "Dark colours"}
          onClick={() => setColorScheme(dark ? "light" : "dark")}
        >
          {dark ? <IconSun size={16} /> : <IconMoon size={16} />}
        </ActionIcon>
      </span>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon aria-label={`Account of ${session.actor.name}`}>
            <IconUserCircle size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            {session.actor.name.toLowerCase() === session.actor.role
              ? session.actor.name
              : `${session.actor.name}, ${session.actor.role}`}
          </Menu.Label>
          <Menu.Item onClick={() => setColorScheme(dark ? "light" : "dark")}>
            {dark ? "Light colours" : "Dark colours"}
          </Menu.Item>
          <Menu.Item onClick={() => setColorScheme("auto")}>Colours of the system</Menu.Item>
          <Menu.Item onClick={toggleUtc}>Times in UTC, or here</Menu.Item>
          <Menu.Item onClick={onHelp}>Keys</Menu.Item>
          <Menu.Item onClick={() => void leave()}>Sign out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
