import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleX,
  IconHelpCircle,
  IconPlayerPause,
  IconPointFilled,
} from "@tabler/icons-react";
import type { ReactNode } from "react";

import "./small.css";

/** "neutral" is a fact that is neither good nor bad; "unknown" is one that we would like to know and do not. */
export type Tone = "ok" | "warn" | "fail" | "unknown" | "held" | "neutral";

const ICONS = {
  ok: IconCircleCheck,
  warn: IconAlertTriangle,
  fail: IconCircleX,
  unknown: IconHelpCircle,
  held: IconPlayerPause,
  neutral: IconPointFilled,
} as const;

/** The icon of a tone. Only beside a word: an icon alone is a riddle at three in the morning. */
export function ToneIcon({ tone, size = 13 }: { readonly tone: Tone; readonly size?: number }) {
  const Icon = ICONS[tone];
  return <Icon size={size} stroke={2.2} aria-hidden data-tone-text={tone} />;
}

interface StatusPillProps {
  readonly tone: Tone;
  readonly children: ReactNode;
  readonly title?: string | undefined;
}

/** A state: icon and word, coloured as well but never by colour alone. */
export function StatusPill({ tone, children, title }: StatusPillProps) {
  return (
    <span className="pill" data-tone={tone} title={title}>
      <ToneIcon tone={tone} size={12} />
      {children}
    </span>
  );
}
