import type { z } from "zod";

/** A fact that a lower room announces and a higher room may react to: `room.past_tense`. */
export interface DomainEvent<Payload> {
  readonly name: string;
  readonly payload: z.ZodType<Payload>;
}

export function defineEvent<Payload>(event: DomainEvent<Payload>): DomainEvent<Payload> {
  return event;
}

/** Written in the announcing transaction; delivered at least once, in no promised order, to every reaction hung in wiring. */
export type Announce = <Payload>(
  event: DomainEvent<Payload>,
  payload: Payload,
  options: { readonly workspaceId: number; readonly key?: string },
) => Promise<void>;
