import { type QuotaView, setQuota, showQuotas } from "purser/contract/quotas";

import { ActButton } from "../../app/act-button.tsx";
import { Load } from "../../app/load.tsx";
import { useOperation } from "../../app/queries.ts";
import { Section } from "../../kit/facts.tsx";
import { formatCount, humanize } from "../../kit/format.ts";
import { type PlainColumn, PlainTable } from "../../kit/plain-table.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { When } from "../../kit/when.tsx";

const NEARLY = 0.9;

function standing(quota: QuotaView) {
  if (quota.overLimit) {
    return <StatusPill tone="fail">over the limit</StatusPill>;
  }
  if (quota.limit === null) {
    return <StatusPill tone="ok">no limit</StatusPill>;
  }
  return quota.used >= quota.limit * NEARLY && quota.limit > 0 ? (
    <StatusPill tone="warn">{quota.used >= quota.limit ? "used up" : "nearly used up"}</StatusPill>
  ) : (
    <StatusPill tone="ok">room left</StatusPill>
  );
}

interface Line {
  readonly organizationId: string;
  readonly quota: QuotaView;
}

const COLUMNS: readonly PlainColumn<Line>[] = [
  { head: "Of", cell: ({ quota }) => humanize(quota.dimension) },
  { head: "Used", align: "right", cell: ({ quota }) => amountOf(quota, quota.used) },
  {
    head: "Limit",
    align: "right",
    cell: ({ quota }) => (quota.limit === null ? "none" : amountOf(quota, quota.limit)),
  },
  { head: "Standing", cell: ({ quota }) => standing(quota) },
  {
    head: "From",
    wideOnly: true,
    cell: ({ quota }) =>
      quota.source === "plan" ? "the plan" : `set by ${quota.overrideBy ?? "somebody"}`,
  },
  {
    head: "Begins anew",
    wideOnly: true,
    cell: ({ quota }) => <When at={quota.resetsAt} none="never" />,
  },
  { head: "", align: "right", cell: (line) => <SetButton {...line} /> },
];

const FROM_ROW = { fixed: ["organizationId", "dimension"] };

function SetButton({ organizationId, quota }: Line) {
  return (
    <ActButton
      quiet
      operation={setQuota}
      known={{ organizationId, dimension: quota.dimension }}
      how={FROM_ROW}
      label={`Set the quota of ${humanize(quota.dimension)}`}
    >
      Set…
    </ActButton>
  );
}

/** Usage and limits, and where each limit comes from. */
export function Quotas({ organizationId }: { readonly organizationId: string }) {
  const quotas = useOperation(showQuotas, { organizationId });
  return (
    <Section title="Quotas">
      <Load query={quotas} label="Loading the quotas" lines={4}>
        {(data) => (
          <PlainTable
            label="Quotas"
            stack
            columns={COLUMNS}
            rows={data.items.map((quota) => ({ organizationId, quota }))}
            rowKey={({ quota }) => quota.dimension}
          />
        )}
      </Load>
    </Section>
  );
}

const UNITS = ["bytes", "KB", "MB", "GB", "TB"] as const;

function amountOf(quota: QuotaView, amount: number): string {
  if (quota.dimension !== "storage_bytes" || amount < 1000) {
    return formatCount(amount);
  }
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(amount) / 3));
  return `${Number((amount / 1000 ** power).toFixed(1))} ${UNITS[power] ?? ""}`;
}
