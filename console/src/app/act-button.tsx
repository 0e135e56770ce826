import { Button, type ButtonProps } from "@mantine/core";
import type { Operation } from "purser/operation";
import type { ReactNode } from "react";

import { toast } from "../kit/toast.tsx";
import { type How, useAct } from "./act.tsx";
import { mayRun, useSession, whoMay } from "./session.ts";

interface ActButtonProps extends Pick<ButtonProps, "variant"> {
  readonly operation: Operation;
  readonly known?: Readonly<Record<string, unknown>>;
  readonly how?: How;
  /** As a word within a line, not as a button of its own. */
  readonly quiet?: boolean;
  readonly label?: string;
  readonly children: ReactNode;
}

const NOTHING = {};

/** Begins an act. For somebody whose role may not run it, it is switched off and says who may: on hover, and when it is pressed. */
export function ActButton({
  operation,
  known = NOTHING,
  how = NOTHING,
  quiet = false,
  label,
  variant,
  children,
}: ActButtonProps) {
  const session = useSession();
  const begin = useAct();
  const allowed = mayRun(session.data, operation);
  const why = allowed ? undefined : whoMay(session.data, operation);
  const shared = {
    type: "button",
    title: why,
    "aria-label": label === undefined || why === undefined ? label : `${label}. ${why}`,
    "aria-disabled": why === undefined ? undefined : true,
    "data-disabled": why !== undefined,
    onClick: () => {
      if (why === undefined) {
        begin(operation, known, how);
      } else {
        toast("held", why);
      }
    },
  } as const;
  return quiet ? (
    <button {...shared} className="linklike">
      {children}
    </button>
  ) : (
    <Button {...shared} {...(variant === undefined ? {} : { variant })}>
      {children}
    </Button>
  );
}
