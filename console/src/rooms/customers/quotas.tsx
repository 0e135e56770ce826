import { type QuotaView, setQuota, showQuotas } from "purser/contract/quotas";

import { useAct } from "../../app/act.tsx";
import { Load } from "../../app/load.tsx";
import { useOperation } from "../../app/queries.ts";
import { mayRun, useSession } from "../../app/session.ts";
import { Section } from "../../kit/facts.tsx";
import { formatCount, humanize } from "../../kit/format.ts";
import { PlainTable } from "../../kit/plain-table.tsx";
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

/** Usage and limits, and where each limit comes from. */
export function Quotas({ organizationId }: { readonly organizationId: string }) {
  const quotas = useOperation(showQuotas, { organizationId });
  const session = useSession();
  const begin = useAct();
  const columns = [
    { head: "Of", cell: (quota: QuotaView) => humanize(quota.dimension) },
    {
      head: "Used",
      align: "right" as const,
      cell: (quota: QuotaView) => amountOf(quota, quota.used),
    },
    {
      head: "Limit",
      align: "right" as const,
      cell: (quota: QuotaView) => (quota.limit === null ? "none" : amountOf(quota, quota.limit)),
    },
    { head: "Standing", cell: standing },
    {
      head: "From",
      cell: (quota: QuotaView) =>
        quota.source === "plan" ? "the plan" : `set by ${quota.overrideBy ?? "somebody"}`,
    },
    {
      head: "Begins anew",
      cell: (quota: QuotaView) => <When at={quota.resetsAt} none="never" />,
    },
    ...(mayRun(session.data, setQuota)
      ? [
          {
            head: "",
            align: "right" as const,
            cell: (quota: QuotaView) => (
              <button
                type="button"
                className="linklike"
                aria-label={`Set the quota of ${humanize(quota.dimension)}`}
                onClick={() => begin(setQuota, { organizationId, dimension: quota.dimension })}
              >
                Set…
              </button>
            ),
          },
        ]
      : []),
  ];
  return (
    <Section title="Quotas">
      <Load query={quotas} label="Loading the quotas" lines={4}>
        {(data) => (
          <PlainTable
            label="Quotas"
            columns={columns}
            rows={data.items}
            rowKey={(quota) => quota.dimension}
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
