import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { operations } from "../../../server/src/contract.ts";
import { ROLES } from "../../../server/src/platform/operation/roles.ts";
import {
  call,
  deliver,
  type Heard,
  openWiredHouse,
  settled,
  type Tenant,
  until,
  type WiredHouse,
} from "../../kit/house.ts";
import { storyOf } from "../../kit/story.ts";
import { QUESTIONS, requestOf, type Things } from "./questions.ts";

let house: WiredHouse;
let birchThings: Things;
let alderThings: Things;
/** Whatever of birch's must never appear in an answer to alder. */
let secretsOfBirch: readonly string[];

beforeAll(async () => {
  house = await openWiredHouse();
  alderThings = await furnish(house.alder, "Alder");
  birchThings = await furnish(house.birch, "Birch");
  secretsOfBirch = Object.values(birchThings).filter((id) => !/^\d+$/.test(id));
}, 120_000);

afterAll(async () => {
  await house.stop();
});

async function idOf(query: string, workspace: number): Promise<string> {
  const { rows } = await house.superuser.query<{ id: string | number }>(query, [workspace]);
  const [row] = rows;
  if (row === undefined) {
    throw new Error(`Nothing of workspace ${String(workspace)}: ${query}`);
  }
  return String(row.id);
}

async function must(answer: Promise<Heard>): Promise<void> {
  const { status, text } = await answer;
  if (status !== 200) {
    throw new Error(`${String(status)} ${text}`);
  }
}

/** Data in every room: customers, money, refused and conflicting webhooks, staff, tokens, quotas, a dead job. */
async function furnish(tenant: Tenant, word: string): Promise<Things> {
  const stories = [1, 2, 3].map((n) => storyOf(word, n));
  for (const event of stories.flatMap((story) => story.events)) {
    await must(deliver(house, tenant, event));
  }
  const [story] = stories;
  const [first] = story?.events ?? [];
  if (story === undefined || first === undefined) {
    throw new Error("A story has events.");
  }
  await must(deliver(house, tenant, { ...first, data: { object: { id: `other_${word}` } } }));
  await must(deliver(house, tenant, Buffer.from(`{"id": "${word}", unreadable`)));
  await deliver(house, { ...tenant, secret: "whsec_somebody_else_entirely" }, first);
  await settled(house);
  const organization = await idOf(
    "select id from organizations where workspace_id = $1 order by id limit 1",
    tenant.id,
  );
  const { owner } = tenant.tokens;
  const post = (path: string, body: object): Promise<void> =>
    must(call(house, owner, { method: "POST", path, body }));
  const previewed = async (name: string, path: string, body: object): Promise<void> => {
    const seen = await call(house, owner, { method: "POST", path: `/preview/${name}`, body });
    await must(call(house, owner, { method: "POST", path, body, headers: hashOf(seen) }));
  };
  await previewed("staff.add", "/staff", {
    email: `second@${word.toLowerCase()}.example`,
    name: `${word} Second`,
    role: "support",
    password: "long enough for anyone",
  });
  await previewed("tokens.create", "/tokens", { name: `${word} robot`, role: "viewer" });
  await post(`/organizations/${organization}/quotas/posts/consume`, { amount: 3 });
  await post(`/organizations/${organization}/quotas/sites/set`, {
    limit: 77,
    reason: `${word} asked`,
  });
  await house.superuser.query(
    `insert into pgboss.job (name, data, source_name, source_created_on, source_retry_count, source_output)
     values ('dead', jsonb_build_object('workspaceId', $1::int, 'payload', '{}'::jsonb), 'billing.fetch', now(), 3, jsonb_build_object('message', $2::text))`,
    [tenant.id, `${word} failed`],
  );
  const one = (query: string): Promise<string> => idOf(query, tenant.id);
  return {
    organization,
    customer: story.customer,
    subscription: story.subscription,
    invoice: story.invoice,
    price: story.price,
    event: await one("select id from inbox_events where workspace_id = $1 order by id limit 1"),
    externalEvent: await one(
      "select external_id as id from inbox_events where workspace_id = $1 order by id limit 1",
    ),
    endpoint: await one(
      "select public_id as id from endpoints where workspace_id = $1 and provider = 'stripe'",
    ),
    auditLine: await one(
      "select id from audit_entries where workspace_id = $1 order by id limit 1",
    ),
    token: await one(
      "select id from api_tokens where workspace_id = $1 and source = 'created' and name like '%robot'",
    ),
    staff: await one("select id from staff where workspace_id = $1 and name like '%Second'"),
    deadJob: await one(
      "select id from pgboss.job where name = 'dead' and (data ->> 'workspaceId')::int = $1",
    ),
  };
}

const NEVER: Things = {
  organization: "org_00000000000000000000000000",
  customer: "cus_Never1",
  subscription: "sub_Never1",
  invoice: "in_Never1",
  price: "price_Never1",
  event: "987654321",
  externalEvent: "evt_Never1",
  endpoint: "ep_00000000000000000000000000",
  auditLine: "987654321",
  token: "tok_00000000000000000000000000",
  staff: "stf_00000000000000000000000000",
  deadJob: "01990000-0000-7000-8000-000000000000",
};

function ask(token: string | null, name: string, of: Things, headers = {}): Promise<Heard> {
  const operation = operations.find((each) => each.name === name);
  const question = QUESTIONS[name];
  if (operation === undefined || question === undefined) {
    throw new Error(`No question for ${name}.`);
  }
  return call(house, token, { ...requestOf(operation, question.input(of)), headers });
}

function preview(token: string | null, name: string, of: Things): Promise<Heard> {
  return call(house, token, {
    method: "POST",
    path: `/preview/${name}`,
    body: QUESTIONS[name]?.input(of),
  });
}

/** The hash of the preview that was shown; where none was, one that fits nothing. */
function hashOf({ text }: Heard): Readonly<Record<string, string>> {
  const hash = /"hash":"([0-9a-f]{32})"/.exec(text)?.[1];
  return hash === undefined ? STALE : { "purser-preview-hash": hash };
}

function leaksOf(text: string, asked: object): readonly string[] {
  const echoed = JSON.stringify(asked);
  return ["birch", ...secretsOfBirch].filter(
    (word) =>
      text.toLowerCase().includes(word.toLowerCase()) &&
      !echoed.toLowerCase().includes(word.toLowerCase()),
  );
}

const ALL = operations.map((operation) => operation.name);
const WRITES = operations.filter((operation) => operation.risk !== "read").map((each) => each.name);
/** An act that no preview fits: allowed ones are stopped at it, so that the matrix leaves the house as it was. */
const STALE = { "purser-preview-hash": "no preview ever looked like this" };

test("every operation has a question, and every question an operation", () => {
  expect(Object.keys(QUESTIONS).toSorted()).toEqual(ALL.toSorted());
});

/** Whatever comes after the door counts as allowed: a stale preview, or a provider that does not answer. */
function verdictOf(status: number, text: string): string {
  if (status === 403) {
    return "denied";
  }
  return status === 401 || status === 500 ? `${String(status)} ${text}` : "allowed";
}

describe("operation x role", () => {
  test.each(operations)("$name is for its roles and nobody else", async ({ name, roles }) => {
    const verdicts: Record<string, string> = {};
    for (const role of ROLES) {
      const { status, text } = await ask(house.alder.tokens[role], name, alderThings, STALE);
      verdicts[role] = verdictOf(status, text);
    }
    expect(verdicts).toEqual(
      Object.fromEntries(ROLES.map((role) => [role, roles.includes(role) ? "allowed" : "denied"])),
    );
    expect((await ask(null, name, alderThings)).status).toBe(401);
    expect((await ask("psr_nobody_has_ever_had_this", name, alderThings)).status).toBe(401);
  });

  test.each(WRITES)("a preview of %s is for those who may act, too", async (name) => {
    const roles = operations.find((each) => each.name === name)?.roles ?? [];
    const denied = ROLES.filter((role) => !roles.includes(role));
    const answers: Record<string, number> = {};
    for (const role of denied) {
      answers[role] = (await preview(house.alder.tokens[role], name, alderThings)).status;
    }
    expect(answers).toEqual(Object.fromEntries(denied.map((role) => [role, 403])));
    expect((await preview(null, name, alderThings)).status).toBe(401);
  });
});

describe("operation x workspace", () => {
  test.each(ALL)("%s answers its own workspace", async (name) => {
    const { owner } = house.birch.tokens;
    const { status, text } = await (WRITES.includes(name)
      ? preview(owner, name, birchThings)
      : ask(owner, name, birchThings));
    const [wanted, words] = OWN_REFUSED[name] ?? [200, ""];
    expect([status, text]).toEqual([wanted, expect.stringContaining(words)]);
  });

  test.each(ALL)("%s shows the neighbour nothing", async (name) => {
    const isWrite = WRITES.includes(name);
    const { owner } = house.alder.tokens;
    const asked = QUESTIONS[name]?.input(birchThings) ?? {};
    const { text } = await ask(owner, name, birchThings, isWrite ? STALE : {});
    const shown = isWrite ? (await preview(owner, name, birchThings)).text : "";
    expect(leaksOf(text + shown, asked)).toEqual([]);
  });

  test.each(ALL.filter((name) => QUESTIONS[name]?.names === true))(
    "%s answers about the neighbour's thing as about one that never was",
    async (name) => {
      const { owner } = house.alder.tokens;
      const headers = WRITES.includes(name) ? STALE : {};
      const theirs = await ask(owner, name, birchThings, headers);
      const never = await ask(owner, name, NEVER, headers);
      expect([theirs.status, anonymous(theirs.text, birchThings)]).toEqual([
        NOT_404[name] ?? 404,
        anonymous(never.text, NEVER),
      ]);
    },
  );

  test("no write that names the neighbour's things changes a row of theirs", async () => {
    const before = await everyRowOf(house.birch.id);
    for (const name of WRITES.filter((each) => QUESTIONS[each]?.names === true)) {
      const { owner } = house.alder.tokens;
      const seen = await preview(owner, name, birchThings);
      await ask(owner, name, birchThings, hashOf(seen));
    }
    expect(await everyRowOf(house.birch.id)).toEqual(before);
  });

  test("searching for the neighbour's names and ids finds nothing", async () => {
    const words = [
      "Birch",
      "Birch Company 1",
      "billing1@birch.example",
      ...Object.values(birchThings),
    ];
    for (const word of words) {
      for (const path of [
        `/customers?q=${encodeURIComponent(word)}`,
        `/inbox/events?key=${encodeURIComponent(word)}`,
        `/inbox/events?externalId=${encodeURIComponent(word)}`,
        `/inbox/wait?externalId=${encodeURIComponent(word)}`,
        `/subscriptions?customer=${encodeURIComponent(word)}`,
        `/invoices?customer=${encodeURIComponent(word)}`,
        `/payments?customer=${encodeURIComponent(word)}`,
        `/audit?organization=${encodeURIComponent(word)}`,
        `/audit?subject=${encodeURIComponent(word)}`,
        `/audit?actor=${encodeURIComponent(word)}`,
      ]) {
        const { text } = await call(house, house.alder.tokens.owner, { path });
        expect([path, leaksOf(text, { word })]).toEqual([path, []]);
      }
    }
  });

  test("a header cannot choose the neighbour", async () => {
    const { text } = await call(house, house.alder.tokens.owner, {
      path: "/session",
      headers: { "purser-workspace": "birch" },
    });
    expect(leaksOf(text, {})).toEqual([]);
  });
});

/** Operations whose answer to a thing that is not there is no 404, with the reason. */
const NOT_404: Readonly<Record<string, number>> = {
  "plans.map_price": 409, // stale preview: a price may be mapped before the provider has told of it
  "quotas.consume-batch": 200, // each item has an answer of its own
  "entitlements.invalidate": 409, // stale preview: forgetting what was never remembered is no mistake
};

/** Birch has no account at the provider, so what asks there is refused, though its own. */
const OWN_REFUSED: Readonly<Record<string, readonly [number, string]>> = {
  "subscriptions.resync": [422, "no account at the provider"],
  "inbox.controls.set": [403, "inbox/installation-only"],
};

function anonymous(text: string, of: Things): string {
  const plain = text
    .replaceAll(/req_\w+/g, "<request>")
    .replaceAll(/"hash":"[0-9a-f]{32}"/g, "<hash>");
  return Object.values(of).reduce(
    (said, id) => said.replaceAll(new RegExp(`\\b${id}\\b`, "g"), "<id>"),
    plain,
  );
}

async function everyRowOf(workspace: number): Promise<Record<string, string>> {
  const { rows: tables } = await house.superuser.query<{ name: string }>(
    `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id'
      where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname not in ('audit_seals', 'job_runs') order by 1`,
  );
  const rows: Record<string, string> = {};
  for (const { name } of tables) {
    const found = await house.superuser.query<{ hash: string }>(
      `select count(*) || ' ' || coalesce(md5(string_agg((to_jsonb(t) - 'last_used_at')::text, '|' order by (to_jsonb(t) - 'last_used_at')::text)), '') as hash
         from ${name} t where workspace_id = $1 ${name === "audit_entries" ? "and action <> 'token.used'" : ""}`,
      [workspace],
    );
    rows[name] = found.rows[0]?.hash ?? "";
  }
  return rows;
}

describe("at once", () => {
  test("64 callers of two workspaces, alternating on few connections, each read their own", async () => {
    const wrong: string[] = [];
    const tenants = [
      { token: house.alder.tokens.viewer, own: "Alder", foreign: "Birch Company" },
      { token: house.birch.tokens.viewer, own: "Birch", foreign: "Alder Company" },
    ] as const;
    const paths = [
      "/customers",
      "/subscriptions",
      "/invoices",
      "/inbox/events",
      "/today",
      "/prices",
    ];
    await Promise.all(
      Array.from({ length: 64 }, async (_, caller) => {
        for (let turn = 0; turn < 12; turn += 1) {
          const tenant = tenants[(caller + turn) % 2 === 0 ? 0 : 1];
          const path = paths[(caller + turn) % paths.length] ?? "/customers";
          const { status, text } = await call(house, tenant.token, { path });
          if (status !== 200 || text.includes(tenant.foreign)) {
            wrong.push(`${path} as ${tenant.own}: ${String(status)} ${text.slice(0, 200)}`);
          }
          if (path === "/customers" && !text.includes(tenant.own)) {
            wrong.push(`${path} as ${tenant.own} lacks its own: ${text.slice(0, 200)}`);
          }
        }
      }),
    );
    expect(wrong).toEqual([]);
  });

  test("a webhook at one workspace's endpoint lands in that workspace alone", async () => {
    const story = storyOf("Cedar", 9);
    for (const event of story.events) {
      await must(deliver(house, house.birch, event));
    }
    await settled(house);
    const seen = await until(
      () => call(house, house.birch.tokens.viewer, { path: `/customers/${story.customer}` }),
      (answer) => answer.status === 200,
    );
    expect(seen.text).toContain("Cedar Company 9");
    expect(
      (await call(house, house.alder.tokens.owner, { path: `/customers/${story.customer}` }))
        .status,
    ).toBe(404);
    // Birch's event signed with alder's secret is a forgery, and the other way round.
    const [event] = storyOf("Cedar", 10).events;
    expect(
      (await deliver(house, { ...house.birch, secret: house.alder.secret }, event ?? {})).status,
    ).toBe(400);
    expect(
      (await deliver(house, { ...house.alder, secret: house.birch.secret }, event ?? {})).status,
    ).toBe(400);
  });
});
