import type { CustomerDetail } from "purser/contract/billing";

import { Facts } from "../../kit/facts.tsx";
import { humanize } from "../../kit/format.ts";
import { IdChip } from "../../kit/id-chip.tsx";
import { Money } from "../../kit/money.tsx";
import { StatusPill } from "../../kit/status-pill.tsx";
import { When } from "../../kit/when.tsx";

/** Who it is, on one glance. */
export function CustomerFacts({ customer }: { readonly customer: CustomerDetail }) {
  return (
    <Facts
      rows={[
        ["Id", <IdChip key="id" id={customer.id} keep={40} />],
        [
          "Tier",
          <span key="tier">
            {humanize(customer.tier)}{" "}
            {customer.locked ? (
              <StatusPill tone="held">
                locked <When at={customer.lockedAt} none="" />
              </StatusPill>
            ) : null}
          </span>,
        ],
        ["Email", customer.email ?? "none"],
        ["Your id", customer.externalId ?? "none"],
        [
          "At the provider",
          <span key="provider">
            {customer.providerCustomers.map((each) => (
              <span key={each.customerId} style={{ display: "block" }}>
                <IdChip id={each.customerId} keep={40} />{" "}
                {each.delinquent ? <StatusPill tone="warn">delinquent</StatusPill> : null}{" "}
                {each.deleted ? <StatusPill tone="neutral">deleted</StatusPill> : null}
              </span>
            ))}
          </span>,
        ],
        [
          "Paid in all",
          <span key="paid">
            {customer.totals.length === 0 ? "nothing" : null}
            {customer.totals.map((total) => (
              <span key={total.currency} style={{ display: "block" }}>
                <Money amountMinor={total.paidMinor} currency={total.currency} />
                {total.refundedMinor === 0 ? null : (
                  <>
                    , <Money amountMinor={total.refundedMinor} currency={total.currency} /> refunded
                  </>
                )}
                {total.openMinor === 0 ? null : (
                  <>
                    , <Money amountMinor={total.openMinor} currency={total.currency} /> open
                  </>
                )}
              </span>
            ))}
          </span>,
        ],
        ["Customer since", <When key="since" at={customer.createdAt} as="day" />],
      ]}
    />
  );
}
