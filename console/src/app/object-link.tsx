import { Link } from "wouter";

import { shortenId } from "../kit/format.ts";
import { IdChip } from "../kit/id-chip.tsx";
import { addressOf } from "./addresses.ts";

/** An id that leads to its thing where there is a page for it, and can be copied in any case. */
export function ObjectLink({ id, keep = 22 }: { readonly id: string; readonly keep?: number }) {
  const href = addressOf(id);
  if (href === null) {
    return <IdChip id={id} keep={keep} />;
  }
  return (
    <Link className="mono" href={href} title={id} onClick={(event) => event.stopPropagation()}>
      {shortenId(id, keep)}
    </Link>
  );
}
