import { useQuery, useQueryClient } from "@tanstack/react-query";
import { sessionShowOperation } from "purser/contract/access";
import type { Operation } from "purser/operation";
import { useEffect } from "react";
import type { z } from "zod";

import { ApiFailure, call, send, whenSignedOut } from "./client.ts";

export type Session = z.output<typeof sessionShowOperation.output>;

const KEY = ["session.show"];

/** Who I am: null when nobody is signed in, undefined while that is not known yet. */
export function useSession() {
  const client = useQueryClient();
  useEffect(() => whenSignedOut(() => client.setQueryData(KEY, null)), [client]);
  return useQuery<Session | null>({
    queryKey: KEY,
    queryFn: async () => {
      try {
        return await call(sessionShowOperation, {});
      } catch (error) {
        if (error instanceof ApiFailure && error.status === 401) {
          return null;
        }
        throw error;
      }
    },
    staleTime: 60_000,
  });
}

/** Whether the person may run it: the server decides, this only keeps a useless button out of sight. */
export function mayRun(session: Session | null | undefined, operation: Operation): boolean {
  return session !== null && session !== undefined && operation.roles.includes(session.actor.role);
}

const STAFF: ReadonlySet<string> = new Set(["billing", "support"]);

/** Why a button is off: whose role may run it. */
export function whoMay(session: Session | null | undefined, operation: Operation): string {
  const roles = operation.roles.map((role) => (STAFF.has(role) ? `${role} staff` : `${role}s`));
  const last = roles.at(-1) ?? "nobody";
  const all = roles.length < 2 ? last : `${roles.slice(0, -1).join(", ")} and ${last}`;
  const mine =
    session === null || session === undefined ? "" : ` Your role is ${session.actor.role}.`;
  return `Only ${all} may do this.${mine}`;
}

/** Throws ApiFailure; the cookie is the server's and not readable here. */
export async function signIn(email: string, password: string): Promise<void> {
  await send("/api/auth/sign-in/email", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
}

export async function signOut(): Promise<void> {
  await send("/api/auth/sign-out", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
}
