/**
 * Invented answers for looking at the console without a server: `vite --mode fake`. Never built into it.
 * The numbers are fixed, so that two photographs of a page differ only where the page does.
 */
const NOW = performance.timeOrigin + performance.now();
export const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();
export const HOUR = 3600;

const NAMES = [
  "Acme Studio",
  "Bergmann & Sohn",
  "Café Lumière",
  "Delta Freight",
  "Ensemble Nord",
  "Fjord Analytics",
  "Grünwald Druck",
  "Harbor Dental",
  "Iris Optics",
  "Jolly Roger Sailing",
  "Kite Labs",
  "Lighthouse Legal",
];
const TYPES = [
  "invoice.paid",
  "customer.subscription.updated",
  "charge.succeeded",
  "invoice.payment_failed",
  "customer.updated",
  "payment_intent.succeeded",
  "customer.subscription.created",
  "charge.dispute.created",
];
const STATES = ["applied", "applied", "applied", "superseded", "applied", "ignored", "ready"];

export const pick = <T>(list: readonly T[], at: number): T | undefined => list[at % list.length];

export function event(at: number) {
  const type = pick(TYPES, at * 7 + 3) ?? "invoice.paid";
  const state = at === 5 ? "quarantined" : at === 11 ? "retrying" : pick(STATES, at * 5 + 1);
  const settled = state === "ready" || state === "retrying" ? null : ago(at * 23 + 2);
  return {
    id: String(10_400 - at),
    provider: "stripe",
    endpoint: "stripe main",
    externalId: `evt_1SVq${String(7_000_000 + at * 7919)}LkdIwHu7ix`,
    type,
    key: `stripe:cus_T${String(300 + (at % 12))}kQ2mVbNpW`,
    lane: type.startsWith("customer.u") ? 5 : 1,
    state,
    reason: state === "quarantined" ? "Its price is mapped to no plan." : null,
    attempts: state === "retrying" ? 3 : 1,
    duplicates: at % 9 === 0 ? 2 : 0,
    occurredAt: ago(at * 23 + 4),
    receivedAt: ago(at * 23 + 3),
    settledAt: settled,
    tookMs: settled === null ? null : 38 + (at % 50),
  };
}

export function customer(at: number) {
  const n = at % 12;
  return {
    id: `org_01jd${String(40_000 + at)}k2m9x7`,
    name: `${pick(NAMES, at) ?? ""}${at < 12 ? "" : ` ${Math.floor(at / 12) + 1}`}`,
    email: `accounts@${(pick(NAMES, at) ?? "").toLowerCase().replaceAll(/[^a-z]/gu, "")}.example`,
    externalId: null,
    tier: pick(["pro", "starter", "enterprise", "free"], n),
    locked: n === 7,
    placeholder: false,
    stripeCustomerIds: [`cus_T${String(300 + n)}kQ2mVbNpW`],
    subscriptionStatus: pick(["active", "active", "past_due", "trialing", "canceled"], n),
    createdAt: ago(at * 9 * HOUR + 400_000),
  };
}

export const usd = (minor: number) => ({ minor, currency: "usd" });

export function subscription(at: number) {
  return {
    id: `sub_row_${at}`,
    stripeSubscriptionId: `sub_1SVq${7000 + at}LkdIwHu7ix`,
    stripeCustomerId: `cus_T${300 + at}kQ2mVbNpW`,
    organizationId: customer(at).id,
    organizationName: customer(at).name,
    status: at === 0 ? "past_due" : "active",
    tier: "pro",
    billingCycle: "monthly",
    amount: usd(4900),
    quantity: 1,
    currentPeriodStart: ago(10 * 24 * HOUR),
    currentPeriodEnd: ago(-20 * 24 * HOUR),
    cancelAtPeriodEnd: false,
    cancelAt: null,
    canceledAt: null,
    endedAt: null,
    trialEnd: null,
    pastDueSince: at === 0 ? ago(2 * 24 * HOUR) : null,
    paused: false,
    discounts: [],
    createdAt: ago(100 * 24 * HOUR),
    updatedAt: ago(2 * HOUR),
  };
}

export function invoice(at: number) {
  const open = at === 0;
  return {
    id: `inv_row_${at}`,
    stripeInvoiceId: `in_1SVq${8000 + at}LkdIwHu7ix`,
    stripeSubscriptionId: "sub_1SVq7000LkdIwHu7ix",
    organizationId: customer(0).id,
    organizationName: customer(0).name,
    number: `PRS-${1042 - at}`,
    status: open ? "open" : "paid",
    total: usd(4900),
    amountDue: usd(4900),
    amountPaid: usd(open ? 0 : 4900),
    amountRemaining: usd(open ? 4900 : 0),
    periodStart: ago((40 + 30 * at) * 24 * HOUR),
    periodEnd: ago((10 + 30 * at) * 24 * HOUR),
    dueAt: null,
    paidAt: open ? null : ago(30 * at * 24 * HOUR),
    attemptCount: open ? 3 : 1,
    nextPaymentAttempt: open ? ago(-30 * HOUR) : null,
    hostedUrl: "https://invoice.example/x",
    createdAt: ago((10 + 30 * at) * 24 * HOUR),
    updatedAt: ago(2 * HOUR),
  };
}

export const payment = (at: number) => ({
  id: `pay_row_${at}`,
  stripePaymentId: `pi_3SVq${9000 + at}LkdIwHu7ix`,
  organizationId: customer(0).id,
  organizationName: customer(0).name,
  stripeInvoiceId: null,
  status: at === 0 ? "failed" : "succeeded",
  amount: usd(4900),
  amountRefunded: usd(at === 2 ? 1500 : 0),
  disputed: false,
  failureCode: at === 0 ? "card_declined" : null,
  failureMessage: at === 0 ? "Your card was declined." : null,
  method: "card",
  charges: [],
  createdAt: ago((1 + 30 * at) * 24 * HOUR),
  updatedAt: ago(HOUR),
});

export const CHAIN = Array.from({ length: 5 }, (_, at) => ({
  eventId: `evt_1SVq${6000 + at}LkdIwHu7ix`,
  eventType: pick(["customer.subscription.updated", "invoice.payment_failed"], at),
  objectId: "sub_1SVq7000LkdIwHu7ix",
  occurredAt: ago(at * 9 * HOUR + 500),
  receivedAt: ago(at * 9 * HOUR + 499),
  processedAt: ago(at * 9 * HOUR + 498),
  fate: at === 2 ? "superseded" : "applied",
  reason: at === 2 ? "A later state was known already." : null,
  changed: at === 2 ? {} : { status: ["active", "past_due"], quantity: [1, 2] },
}));

const lane = (id: number, name: string, waiting: number, age: number | null) => ({
  lane: id,
  name,
  level: waiting > 30 ? "warn" : "ok",
  waiting,
  parked: 0,
  oldestReceivedAt: age === null ? null : ago(age),
  oldestAgeSeconds: age,
  arrivedPerMinute: id === 1 ? 212 : 31,
  servedPerMinute: id === 1 ? 205 : 31,
  drainSeconds: waiting === 0 ? null : 95,
  paused: false,
  sentence: `${waiting} events wait`,
});

const wave = (at: number, most: number) =>
  Math.round(most * (0.55 + 0.3 * Math.sin(at / 4) + 0.15 * Math.sin(at * 2.1)));

export const TODAY = {
  at: ago(2),
  state: {
    level: "warn",
    sentence: "Stripe's events are worked off late: 37 wait, the oldest for 14 minutes.",
    since: ago(840),
    hurt: { customers: 12, events: 37 },
  },
  waiting: [
    {
      kind: "quarantine",
      sentence: "1 event is quarantined: invoice.payment_failed of Fjord Analytics",
      since: ago(900),
      href: "/inbox?state=quarantined",
    },
  ],
  lanes: [
    lane(0, "compliance", 0, null),
    lane(1, "money", 37, 840),
    lane(5, "rest", 4, 12),
    lane(9, "replay", 0, null),
  ],
  failures: {
    windowMinutes: 60,
    received: 12_418,
    failed: 9,
    quarantined: 1,
    dead: 0,
    refusedSignatures: 3,
    conflicts: 0,
    paymentFailures: 31,
    failureRate: 0.0008,
  },
  series: {
    startsAt: ago(3600),
    stepSeconds: 60,
    arrivals: Array.from({ length: 60 }, (_, at) => wave(at, 260)),
    failures: Array.from({ length: 60 }, (_, at) => (at > 46 && at < 52 ? 3 : 0)),
    paymentFailures: Array.from({ length: 60 }, (_, at) =>
      at % 7 === 0 ? 2 : at % 3 === 0 ? 1 : 0,
    ),
  },
  changed: [
    {
      id: "1",
      at: ago(4000),
      actor: "Nora Feld",
      action: "inbox.control_set",
      subject: "stripe/1",
      sentence: "Money lane of Stripe limited to 50 events a second",
    },
    {
      id: "2",
      at: ago(9000),
      actor: "ci-token",
      action: "plan.set",
      subject: "pro",
      sentence: "Plan pro: posts 500 to 1,000",
    },
  ],
  suggestions: [
    {
      operation: "inbox.replay",
      title: "Replay the quarantined event",
      reason: "The price of the quarantined event has been mapped since.",
      input: { failed: true },
      checks: [
        { label: "Price is mapped", ok: true },
        { label: "Worker runs", ok: true },
      ],
    },
  ],
  switches: [
    {
      key: "stripe/1",
      label: "Stripe, money",
      value: "50 a second",
      level: "held",
      setBy: "Nora Feld",
      setAt: ago(4000),
      reason: null,
    },
  ],
  jobs: [
    {
      name: "a",
      title: "Reset monthly quotas",
      level: "ok",
      sentence: "Runs on 1 Dec at 00:00 UTC",
      nextAt: null,
      lastAt: null,
    },
    {
      name: "b",
      title: "Seal the audit log",
      level: "ok",
      sentence: "Done 2 s ago",
      nextAt: null,
      lastAt: null,
    },
    {
      name: "c",
      title: "Prune raw bodies",
      level: "warn",
      sentence: "Failed once, tries again at 09:58",
      nextAt: null,
      lastAt: null,
    },
  ],
};

export const QUOTA_USE = [
  ["sites", 3, 10],
  ["posts", 512, 500],
  ["users", 9, 10],
  ["storage_bytes", 4_200_000_000, 10_000_000_000],
  ["api_calls", 18_230, 100_000],
] as const;

export const preview = (operation: string) => ({
  operation,
  summary: "Replay 1 event",
  changes: [
    {
      table: "inbox_work",
      id: "10395",
      before: null,
      after: { lane: 9, okey: "stripe:cus_T305kQ2mVbNpW", state: "ready" },
    },
    {
      table: "inbox_outcomes",
      id: "10395",
      before: { fate: "quarantined", reason: "Its price is mapped to no plan." },
      after: null,
    },
  ],
  rows: 2,
  money: [],
  calls: [],
  messages: [],
  warnings: [
    "The event is 3 days old: the record may have moved on, in which case it changes nothing.",
  ],
  hash: "d41d8cd98f00b204e9800998ecf8427e",
});

export const BODY = JSON.stringify({
  id: "evt_1SVq7039595LkdIwHu7ix",
  object: "event",
  api_version: "2026-09-30.dahlia",
  created: 1_763_716_000,
  type: "invoice.payment_failed",
  livemode: false,
  data: {
    object: {
      id: "in_1SVq8000LkdIwHu7ix",
      object: "invoice",
      customer: "cus_T305kQ2mVbNpW",
      amount_due: 4900,
      currency: "usd",
      attempt_count: 3,
      status: "open",
      lines: { object: "list", data: [], has_more: false },
    },
    previous_attributes: { attempt_count: 2 },
  },
});

export function explanation(kind: string) {
  return {
    kind,
    id: "x",
    providerId: "sub_1SVq7000LkdIwHu7ix",
    organizationId: customer(0).id,
    summary: "It is past due since the payment of PRS-1042 failed two days ago.",
    source: "evt_1SVq6000LkdIwHu7ix",
    fields: [
      {
        field: "status",
        value: "past_due",
        setBy: "evt_1SVq6000LkdIwHu7ix",
        setByType: "customer.subscription.updated",
        setAt: ago(500),
      },
      { field: "quantity", value: 2, setBy: null, setByType: null, setAt: null },
    ],
    chain: CHAIN,
    notes: ["One event came too late and changed nothing."],
  };
}
