import { ObjectLink } from "../../app/object-link.tsx";
import { eventTone, LANES } from "../../app/words.ts";
import type { Column } from "../../kit/columns.ts";
import { formatDuration, humanize } from "../../kit/format.ts";
import { IdChip } from "../../kit/id-chip.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { When } from "../../kit/when.tsx";
import type { EventRow } from "./use-inbox-rows.ts";

export const INBOX_COLUMNS: readonly Column<EventRow>[] = [
  {
    key: "state",
    head: "State",
    width: 104,
    phone: "side",
    cell: (row) => (
      <StatusPill tone={eventTone(row.state)} title={row.reason ?? undefined}>
        {row.state}
      </StatusPill>
    ),
  },
  {
    key: "type",
    head: "Type",
    width: 180,
    grow: 1.4,
    phone: "main",
    cell: (row) => row.type,
  },
  {
    key: "key",
    head: "Concerns",
    width: 164,
    grow: 1,
    phone: "meta",
    dropAt: 1,
    cell: (row) => <ObjectLink id={row.key.replace(/^\w+:/u, "")} />,
  },
  {
    key: "externalId",
    head: "Event",
    width: 160,
    dropAt: 3,
    cell: (row) => <IdChip id={row.externalId} keep={18} />,
  },
  { key: "provider", head: "From", width: 60, dropAt: 4, cell: (row) => humanize(row.provider) },
  {
    key: "lane",
    head: "Lane",
    width: 88,
    dropAt: 5,
    cell: (row) => LANES[row.lane] ?? String(row.lane),
  },
  {
    key: "attempts",
    head: "Failed tries",
    width: 72,
    align: "right",
    dropAt: 4,
    cell: (row) => (row.attempts === 0 ? <span className="dim">–</span> : row.attempts),
  },
  {
    key: "took",
    head: "Took",
    width: 58,
    align: "right",
    dropAt: 3,
    cell: (row) =>
      row.tookMs === null ? <span className="dim">–</span> : formatDuration(row.tookMs),
  },
  {
    key: "received",
    head: "Taken in",
    width: 122,
    align: "right",
    phone: "corner",
    cell: (row) => <When at={row.receivedAt} past />,
  },
];
