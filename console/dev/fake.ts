import type { IncomingMessage, ServerResponse } from "node:http";

import type { Plugin } from "vite";

import {
  BODY,
  CHAIN,
  HOUR,
  QUOTA_USE,
  TODAY,
  ago,
  customer,
  event,
  explanation,
  invoice,
  payment,
  pick,
  preview,
  subscription,
  usd,
} from "./fake-data.ts";

type Answer = (path: string, query: URLSearchParams) => unknown;

const page = <T>(all: readonly T[], query: URLSearchParams) => {
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  return {
    items: all.slice(from, from + limit),
    nextCursor: from + limit < all.length ? String(from + limit) : null,
  };
};

const ANSWERS: readonly (readonly [RegExp, Answer])[] = [
  [
    /^\/session$/u,
    () => ({
      actor: { kind: "staff", id: "usr_1", name: "Nora Feld", role: "owner" },
      workspace: { id: "ws_1", slug: "demo", name: "Harbour Goods" },
    }),
  ],
  [/^\/today$/u, () => TODAY],
  [
    /^\/inbox\/backlog$/u,
    () => ({
      at: ago(1),
      depth: 37,
      held: 0,
      oldestAgeS: 840,
      arrivalPerS: 4,
      servicePerS: 4,
      etaS: 95,
      failedLastHour: 9,
      troubledKeys: 1,
      workers: [],
      intakes: [],
      rows: [],
    }),
  ],
  [
    /^\/inbox\/events$/u,
    (_path, query) => {
      const state = query.get("state");
      return page(
        Array.from({ length: 900 }, (_, at) => event(at)).filter(
          (row) => state === null || row.state === state,
        ),
        query,
      );
    },
  ],
  [
    /^\/inbox\/events\//u,
    (path) => ({
      ...(Array.from({ length: 900 }, (_, at) => event(at)).find((row) => path.endsWith(row.id)) ??
        event(5)),
      apiVersion: "2026-09-30.dahlia",
      supersededBy: null,
      waitingFor: null,
      nextTryAt: null,
      body: BODY,
      bodyBytes: BODY.length,
      bodyKeptUntil: ago(-30 * 24 * HOUR),
      headers: { "signed with": "secret 1 of 2" },
      tries: [
        {
          at: ago(120),
          outcome: "failed",
          error: "Its price is mapped to no plan.",
          worker: "work-1",
        },
      ],
      changes: [
        {
          table: "subscriptions",
          id: "sub_1SVq7000LkdIwHu7ix",
          summary: "The subscription went past due",
          changed: { status: ["active", "past_due"], past_due_since: [null, ago(500)] },
        },
      ],
      conflicts: 0,
    }),
  ],
  [
    /^\/customers$/u,
    (_path, query) => {
      const q = (query.get("q") ?? "").toLowerCase();
      const rows = Array.from({ length: 300 }, (_, at) => customer(at));
      return page(
        rows.filter((row) => JSON.stringify(row).toLowerCase().includes(q)),
        query,
      );
    },
  ],
  [/^\/customers\/.*\/explain$/u, () => explanation("customer")],
  [
    /^\/customers\/.*\/timeline$/u,
    (_path, query) =>
      page(
        Array.from({ length: 12 }, (_, at) => ({
          at: ago(at * 13 * HOUR + 100),
          kind: "event",
          title: pick(
            ["Payment of PRS-1042 failed", "Invoice PRS-1041 paid", "Quantity changed"],
            at,
          ),
          objectId: pick(["in_1SVq8000LkdIwHu7ix", "sub_1SVq7000LkdIwHu7ix"], at),
          eventId: "evt_1SVq6000LkdIwHu7ix",
          amount: at % 3 === 2 ? null : usd(4900),
          actor: at === 4 ? "Nora Feld" : null,
          changed: at % 3 === 2 ? { quantity: [1, 2] } : {},
        })),
        query,
      ),
  ],
  [
    /^\/customers\//u,
    () => ({
      ...customer(0),
      updatedAt: ago(500),
      lockedAt: null,
      providerCustomers: [
        {
          provider: "stripe",
          customerId: "cus_T300kQ2mVbNpW",
          name: "Acme",
          email: null,
          delinquent: true,
          deleted: false,
        },
      ],
      subscriptions: [subscription(0)],
      invoices: [0, 1, 2, 3].map(invoice),
      payments: [0, 1, 2].map(payment),
      refunds: [],
      disputes: [],
      totals: [{ currency: "usd", paidMinor: 14_700, refundedMinor: 1500, openMinor: 4900 }],
    }),
  ],
  [
    /\/quotas$/u,
    () => ({
      organizationId: customer(0).id,
      tier: "pro",
      locked: false,
      items: QUOTA_USE.map(([dimension, used, limit]) => ({
        dimension,
        used,
        limit,
        remaining: Math.max(0, limit - used),
        unlimited: false,
        overLimit: used > limit,
        resetsAt: dimension === "api_calls" ? ago(-9 * 24 * HOUR) : null,
        lastResetAt: ago(20 * 24 * HOUR),
        source: dimension === "users" ? "override" : "plan",
        overrideBy: dimension === "users" ? "Nora Feld" : null,
        overrideAt: null,
      })),
    }),
  ],
  [/\/explain$/u, () => explanation("subscription")],
  [
    /^\/subscriptions\//u,
    () => ({
      ...subscription(0),
      items: [
        {
          id: "si_1",
          priceId: "price_1SVqPro",
          productId: null,
          quantity: 1,
          unitAmount: usd(4900),
          interval: "month",
          intervalCount: 1,
          tier: "pro",
        },
      ],
      trialStart: null,
      latestInvoiceId: null,
      collectionMethod: "charge_automatically",
      pause: null,
      source: "evt_1SVq6000LkdIwHu7ix",
      events: CHAIN,
    }),
  ],
  [
    /^\/invoices\//u,
    () => ({ ...invoice(0), payments: [payment(0)], refunds: [], source: "evt_1", events: CHAIN }),
  ],
];

function refuse(response: ServerResponse, status: number, title: string): void {
  response.statusCode = status;
  response.end(
    JSON.stringify({ title, status, code: "platform/refused", requestId: "req_01jdfake" }),
  );
}

/** Any address; the password is "right". */
function signIn(request: IncomingMessage, response: ServerResponse): void {
  let body = "";
  request.on("data", (chunk) => {
    body += String(chunk);
  });
  request.on("end", () => {
    if (!body.includes('"right"')) {
      refuse(response, 401, "The address or the password is wrong.");
      return;
    }
    response.setHeader("set-cookie", "fake=1; Path=/");
    response.end("{}");
  });
}

/** Answers /api from the table above. */
export function fakeApi(): Plugin {
  return {
    name: "purser-fake-api",
    configureServer(server) {
      server.middlewares.use("/api", (request, response) => {
        const url = new URL(request.url ?? "/", "http://fake");
        if (url.pathname === "/stream") {
          response.writeHead(200, { "content-type": "text/event-stream" });
          response.write(": open\n\n");
          return;
        }
        if (url.pathname === "/auth/sign-in/email") {
          signIn(request, response);
          return;
        }
        if (url.pathname === "/session" && !(request.headers.cookie ?? "").includes("fake=1")) {
          refuse(response, 401, "Sign in or send a bearer token.");
          return;
        }
        const name = /^\/preview\/(.+)$/u.exec(url.pathname)?.[1];
        const found = ANSWERS.find(([pattern]) => pattern.test(url.pathname));
        response.setHeader("content-type", "application/json");
        response.setHeader("x-request-id", "req_01jdfake");
        if (name === undefined && found === undefined) {
          refuse(response, 404, "There is no such thing here.");
          return;
        }
        response.end(
          JSON.stringify(
            name === undefined ? found?.[1](url.pathname, url.searchParams) : preview(name),
          ),
        );
      });
    },
  };
}
