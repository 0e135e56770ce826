import { idOf, need, route, type Call, type Route } from "#sandbox/http/call.ts";
import { invalid } from "#sandbox/http/failure.ts";
import { bool, metadata, nested } from "#sandbox/http/input.ts";
import { matches, page } from "#sandbox/http/page.ts";

import { bookMovement } from "./balance.ts";
import { emit, emitChange } from "./events.ts";
import type { Charge, Dispute } from "./shapes.ts";
import { amend, newId, nowOf, type World } from "./world.ts";

const DISPUTE_FEE = 1500;
const DAYS_TO_ANSWER = 9;
const DAY = 86_400;

const EVIDENCE_TEXTS = [
  "access_activity_log",
  "billing_address",
  "cancellation_policy",
  "cancellation_policy_disclosure",
  "cancellation_rebuttal",
  "customer_communication",
  "customer_email_address",
  "customer_name",
  "customer_purchase_ip",
  "customer_signature",
  "duplicate_charge_documentation",
  "duplicate_charge_explanation",
  "duplicate_charge_id",
  "product_description",
  "receipt",
  "refund_policy",
  "refund_policy_disclosure",
  "refund_refusal_explanation",
  "service_date",
  "service_documentation",
  "shipping_address",
  "shipping_carrier",
  "shipping_date",
  "shipping_documentation",
  "shipping_tracking_number",
  "uncategorized_file",
  "uncategorized_text",
] as const;

type EvidenceText = (typeof EVIDENCE_TEXTS)[number];

/** A customer's bank disputes a charge; an inquiry takes no money yet. */
export function openDispute(
  w: World,
  charge: Charge,
  why: { reason: string; inquiry: boolean },
): Dispute {
  const id = newId(w, "du");
  const now = nowOf(w, null);
  const withdrawn = why.inquiry
    ? []
    : [
        bookMovement(w, {
          type: "adjustment",
          amount: -charge.amount,
          fee: DISPUTE_FEE,
          currency: charge.currency,
          source: id,
          description: `Chargeback withdrawal for ${charge.id}`,
          atOnce: true,
        }),
      ];
  const dispute: Dispute = {
    id,
    object: "dispute",
    amount: charge.amount,
    balance_transactions: withdrawn,
    charge: charge.id,
    created: now,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: { ...emptyEvidence(), enhanced_evidence: {} },
    evidence_details: {
      due_by: now + DAYS_TO_ANSWER * DAY,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: "not_submitted",
    },
    intended_submission_method: null,
    is_charge_refundable: why.inquiry,
    livemode: false,
    metadata: {},
    network_reason_code: "10.4",
    payment_intent: charge.payment_intent,
    payment_method_details: {
      card: {
        brand: "visa",
        case_type: why.inquiry ? "inquiry" : "chargeback",
        network: "visa",
        network_reason_code: "10",
      },
      type: "card",
    },
    reason: why.reason,
    status: why.inquiry ? "warning_needs_response" : "needs_response",
  };
  w.tables.disputes.set(id, dispute);
  emit(w, "charge.dispute.created", dispute);
  const current = w.tables.charges.get(charge.id);
  if (current !== undefined) {
    const after = amend(w.tables.charges, current, { disputed: true });
    emitChange(w, "charge.updated", { before: current, after });
  }
  if (!why.inquiry) {
    emit(w, "charge.dispute.funds_withdrawn", dispute);
  }
  return dispute;
}

function emptyEvidence(): Record<EvidenceText, null> {
  return {
    access_activity_log: null,
    billing_address: null,
    cancellation_policy: null,
    cancellation_policy_disclosure: null,
    cancellation_rebuttal: null,
    customer_communication: null,
    customer_email_address: null,
    customer_name: null,
    customer_purchase_ip: null,
    customer_signature: null,
    duplicate_charge_documentation: null,
    duplicate_charge_explanation: null,
    duplicate_charge_id: null,
    product_description: null,
    receipt: null,
    refund_policy: null,
    refund_policy_disclosure: null,
    refund_refusal_explanation: null,
    service_date: null,
    service_documentation: null,
    shipping_address: null,
    shipping_carrier: null,
    shipping_date: null,
    shipping_documentation: null,
    shipping_tracking_number: null,
    uncategorized_file: null,
    uncategorized_text: null,
  };
}

function update(call: Call): Dispute {
  const { w, input } = call;
  const before = need(w.tables.disputes, "dispute", idOf(call));
  const evidence = nested(input, "evidence");
  const submit = bool(input, "submit") ?? evidence !== undefined;
  const texts = new Map(
    [...(evidence?.hash ?? [])].filter(
      (pair): pair is [string, string] => typeof pair[1] === "string",
    ),
  );
  if (evidence !== undefined && !before.status.endsWith("needs_response")) {
    throw invalid(
      "This dispute is already closed or under review.",
      undefined,
      "dispute_already_submitted",
    );
  }
  const submitted = evidence !== undefined && submit;
  const after = amend(w.tables.disputes, before, {
    evidence: {
      ...before.evidence,
      ...Object.fromEntries([...texts].filter(([key]) => isEvidence(key))),
    },
    evidence_details: {
      ...before.evidence_details,
      has_evidence: before.evidence_details.has_evidence || evidence !== undefined,
      submission_count: before.evidence_details.submission_count + (submitted ? 1 : 0),
      submission_method: submitted ? "manual" : before.evidence_details.submission_method,
    },
    metadata: metadata(input, before.metadata),
    status: submitted ? underReview(before.status) : before.status,
  });
  emitChange(w, "charge.dispute.updated", { before, after });
  const word = texts.get("uncategorized_text");
  if (submitted && (word === "winning_evidence" || word === "losing_evidence")) {
    return closeDispute(w, after.id, word === "winning_evidence");
  }
  return after;
}

function underReview(status: Dispute["status"]): Dispute["status"] {
  return status === "warning_needs_response" ? "warning_under_review" : "under_review";
}

function isEvidence(key: string): key is EvidenceText {
  return EVIDENCE_TEXTS.some((name) => name === key);
}

/** Decides a dispute: won gives the money back, lost keeps it gone; an inquiry only closes. */
export function closeDispute(w: World, id: string, won: boolean): Dispute {
  const before = need(w.tables.disputes, "dispute", id);
  if (["lost", "warning_closed", "won"].includes(before.status)) {
    throw invalid("This dispute is already closed.", undefined, "dispute_already_closed");
  }
  const inquiry = before.status.startsWith("warning");
  const back =
    won && !inquiry
      ? [
          bookMovement(w, {
            type: "adjustment",
            amount: before.amount,
            fee: -DISPUTE_FEE,
            currency: before.currency,
            source: id,
            description: `Chargeback reversal for ${before.charge}`,
            atOnce: true,
          }),
        ]
      : [];
  const decided = won ? "won" : "lost";
  const after = amend(w.tables.disputes, before, {
    status: inquiry ? "warning_closed" : decided,
    balance_transactions: [...before.balance_transactions, ...back],
  });
  emitChange(w, "charge.dispute.closed", { before, after });
  if (back.length > 0) {
    emit(w, "charge.dispute.funds_reinstated", after);
  }
  return after;
}

export const disputeRoutes: readonly Route[] = [
  route("GET", "/v1/disputes", "disputeList", (call) =>
    page(
      call,
      call.w.tables.disputes.values(),
      (dispute) =>
        matches(call, "charge", dispute.charge) &&
        matches(call, "payment_intent", dispute.payment_intent),
    ),
  ),
  route("GET", "/v1/disputes/*", [], (call) => need(call.w.tables.disputes, "dispute", idOf(call))),
  route("POST", "/v1/disputes/*", "disputeUpdate", update),
  route("POST", "/v1/disputes/*/close", "disputeClose", (call) =>
    closeDispute(call.w, idOf(call), false),
  ),
];
