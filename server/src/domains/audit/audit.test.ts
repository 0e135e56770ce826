import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { addMs, movableClock, systemClock } from "#platform/clock.ts";
import type { Ctx } from "#platform/context.ts";
import { openPool } from "#platform/db/pool.ts";
import { inTx, type Tx } from "#platform/db/tx.ts";
import type { JobUnit } from "#platform/queue/handlers.ts";
import { openOutbox } from "#platform/queue/outbox.ts";
import { type TestDatabase, testDatabase } from "#platform/testing/database.ts";

import { openAnchorFiles } from "./anchors.ts";
import { openSealKey, openSealVerifier } from "./keys.ts";
import { type ListFilter, listEntries, sealLag, showEntry } from "./queries.ts";
import { createSealer, type Sealer } from "./sealer.ts";
import { anchorsInMemory, writeLines } from "./testing.ts";
import { verifyLog } from "./verification.ts";
import { auditWorkers } from "./workers.ts";

const START = new Date("2026-11-21T09:00:00Z");
let database: TestDatabase;
let folder = "";
let superuser: pg.Client;
let app: pg.Pool;
let audit: pg.Pool;
let sealer: Sealer;
let anchors = anchorsInMemory();
let workspace = 0;
let other = 0;
const clock = movableClock(START);

function pool(role: string): pg.Pool {
  return openPool({
    url: database.serviceUrl,
    role,
    max: 4,
    applicationName: "audit test",
    onError: () => undefined,
  });
}

beforeAll(async () => {
  database = await testDatabase();
  folder = mkdtempSync(join(tmpdir(), "purser-audit-"));
  superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  app = pool("purser_app");
  audit = pool("purser_audit");
});

afterAll(async () => {
  await Promise.all([app.end(), audit.end(), superuser.end()]);
  rmSync(folder, { recursive: true });
});

/** Every test has two workspaces of its own, so what one breaks is not the next one's. */
beforeEach(async () => {
  // Triggers off, or making the workspace by hand would itself be a line of its log.
  await superuser.query("set session_replication_role = replica");
  const made = await superuser.query<{ id: number }>(
    `insert into workspaces (public_id, slug, name, created_at)
     select 'ws_' || n, 'w' || n, 'W', now()
       from (select (select count(*) from workspaces) + i as n from generate_series(1, 2) i) s
     returning id`,
  );
  await superuser.query("set session_replication_role = origin");
  [workspace = 0, other = 0] = made.rows.map((row) => row.id);
  anchors = anchorsInMemory();
  sealer = createSealer({
    pool: audit,
    clock,
    key: openSealKey(folder),
    anchors,
    batch: 3,
    onError: () => undefined,
  });
  await sealer.pass();
});

async function write(count: number, action = "thing.done"): Promise<void> {
  const entries = Array.from({ length: count }, (_, index) => ({
    action,
    subject: { kind: "thing", id: `thing_${index}` },
    detail: { n: index, nested: { b: 1, a: "ä" } },
    organizationId: "org_1",
  }));
  await writeLines(app, workspace, clock.now(), entries);
}

async function verify(bodies = false) {
  const deps = { verifier: openSealVerifier(folder), anchors };
  return inTx(app, [workspace], (tx) =>
    verifyLog(tx, { workspaceId: workspace, from: 1, now: systemClock.now(), bodies }, deps),
  );
}

async function kinds(): Promise<readonly string[]> {
  return [...new Set((await verify()).findings.map((each) => each.kind))].toSorted();
}

async function ids(): Promise<readonly number[]> {
  const found = await superuser.query<{ id: number }>(
    "select id from audit_entries where workspace_id = $1 order by id",
    [workspace],
  );
  return found.rows.map((row) => row.id);
}

/** What a database administrator can do: triggers off, any row written. */
async function tamper(sql: string, values: readonly unknown[] = []): Promise<void> {
  await superuser.query("set session_replication_role = replica");
  await superuser.query(sql, [...values]);
  await superuser.query("set session_replication_role = origin");
}

describe("append-only", () => {
  test.each(["purser_app", "purser_worker", "purser_audit"])(
    "%s may not change, delete or truncate lines or seals",
    async (role) => {
      await write(1);
      await sealer.pass();
      const door = pool(role);
      for (const table of ["audit_entries", "audit_seals"]) {
        for (const statement of [
          `update ${table} set workspace_id = workspace_id`,
          `delete from ${table}`,
          `truncate ${table}`,
        ]) {
          await expect(inTx(door, [workspace], (tx) => tx.client.query(statement))).rejects.toThrow(
            /permission denied/,
          );
        }
      }
      await door.end();
    },
  );

  test("the trigger refuses even a superuser who does not switch it off", async () => {
    await write(1);
    for (const statement of [
      "update audit_entries set action = 'thing.undone'",
      "delete from audit_entries",
      "truncate audit_entries",
      "delete from audit_seals",
    ]) {
      await expect(superuser.query(statement)).rejects.toThrow(/append-only/);
    }
  });

  test("the writer chooses neither its transaction nor the database's time nor the payload hash", async () => {
    await inTx(app, [workspace], (tx) =>
      tx.client.query(
        `insert into audit_entries (workspace_id, at, recorded_at, actor_kind, actor_id, actor_name, action, payload_hash, xid)
         values ($1, now(), '2001-01-01', 'system', 'x', 'x', 'a.b', 'forged', '1')`,
        [workspace],
      ),
    );
    const found = await superuser.query<{ fresh: boolean; forged: boolean }>(
      `select recorded_at > now() - interval '1 minute' as fresh, payload_hash = 'forged' or xid = '1' as forged
         from audit_entries where workspace_id = $1`,
      [workspace],
    );
    expect(found.rows).toEqual([{ fresh: true, forged: false }]);
  });

  test("a line commits with its transaction or not at all", async () => {
    await expect(
      inTx(app, [workspace], async (tx) => {
        await tx.client.query("select 1");
        await writeInside(tx.client);
        throw new Error("changed my mind");
      }),
    ).rejects.toThrow("changed my mind");
    expect(await ids()).toEqual([]);
  });
});

async function writeInside(client: pg.ClientBase): Promise<void> {
  await client.query(
    `insert into audit_entries (workspace_id, at, actor_kind, actor_id, actor_name, action) values ($1, now(), 'system', 'x', 'x', 'late.done')`,
    [workspace],
  );
}

describe("tenancy", () => {
  test("a workspace reads and writes only its own lines, and no scope is an error", async () => {
    await write(2);
    const seen = await inTx(app, [other], (tx) => listEntries(tx, workspace, { limit: 10 }));
    expect(seen.items).toEqual([]);
    await expect(inTx(app, [other], (tx) => writeInside(tx.client))).rejects.toThrow(
      /row-level security/,
    );
    await expect(app.query("select from audit_entries")).rejects.toThrow(
      /purser.workspaces|malformed array/,
    );
  });
});

describe("sealing", () => {
  test("an untouched log verifies, line by line and as a whole", async () => {
    await write(7);
    expect(await sealer.pass()).toBe(3);
    await write(2);
    expect(await sealer.pass()).toBe(1);
    const result = await verify();
    expect(result).toMatchObject({
      intact: true,
      entries: 9,
      seals: 4,
      anchors: 4,
      unsealed: 0,
      findings: [],
    });
    for (const id of await ids()) {
      const shown = await inTx(app, [workspace], (tx) => showEntry(tx, workspace, id));
      expect(shown?.proof?.holds).toBe(true);
    }
  });

  test("lines that nobody sealed yet are counted, not accused", async () => {
    await write(2);
    expect(await verify()).toMatchObject({ intact: true, unsealed: 2 });
  });

  test("a pass without news makes no seal", async () => {
    await write(1);
    await sealer.pass();
    expect(await sealer.pass()).toBe(0);
  });

  test("a line that commits late, under numbers already sealed, is sealed in its turn", async () => {
    const late = await app.connect();
    await late.query("begin");
    await late.query("select set_config('purser.workspaces', $1, true)", [`{${workspace}}`]);
    await writeInside(late);
    await write(2);
    expect(await sealer.pass()).toBe(1);
    expect((await verify()).entries).toBe(2);
    await late.query("commit");
    late.release();
    expect(await sealer.pass()).toBe(1);
    expect(await verify()).toMatchObject({ intact: true, entries: 3, unsealed: 0 });
  });

  test("a writer left open in another database of the cluster holds back nothing", async () => {
    const elsewhere = new pg.Client({
      connectionString: new URL("postgres", database.superuserUrl).href,
    });
    await elsewhere.connect();
    await elsewhere.query("begin");
    await elsewhere.query("select pg_current_xact_id()");
    await write(2);
    expect(await sealer.pass()).toBe(1);
    expect(await verify()).toMatchObject({ intact: true, unsealed: 0, entries: 2 });
    await elsewhere.query("rollback");
    await elsewhere.end();
  });

  test("two sealers at once seal every line once", async () => {
    await write(9);
    const second = createSealer({
      pool: audit,
      clock,
      key: openSealKey(folder),
      anchors: anchorsInMemory(),
      batch: 3,
      onError: () => undefined,
    });
    await Promise.allSettled([sealer.pass(), second.pass()]);
    await sealer.pass();
    expect(await verify()).toMatchObject({ intact: true, entries: 9 });
  });

  test("a log restored where transaction numbers start again goes on being sealed, each line once", async () => {
    await write(2);
    await sealer.pass();
    await write(1);
    await superuser.query("update audit_sealer set snapshot = '900000000:900000000:'");
    await sealer.pass();
    await write(2);
    await sealer.pass();
    expect(await verify()).toMatchObject({ intact: true, entries: 5, unsealed: 0 });
  });

  test("a sealer that died before it wrote its anchors writes them when it is back", async () => {
    await write(1);
    await sealer.pass();
    anchors.all.length = 0;
    const reborn = createSealer({
      pool: audit,
      clock,
      key: openSealKey(folder),
      anchors,
      onError: () => undefined,
    });
    await reborn.pass();
    expect(await verify()).toMatchObject({ intact: true, anchors: 1 });
  });

  test("its lag is told", async () => {
    await write(1);
    const late = addMs(systemClock.now(), 90_000);
    const lag = await inTx(app, [workspace], (tx) => sealLag(tx, late));
    expect(lag.oldestSeconds).toBeGreaterThan(80);
    const result = await inTx(app, [workspace], (tx) =>
      verifyLog(
        tx,
        { workspaceId: workspace, from: 1, now: late },
        { verifier: openSealVerifier(folder), anchors },
      ),
    );
    expect(result.findings.map((each) => each.kind)).toEqual(["unsealed"]);
    await sealer.pass();
    const after = await inTx(app, [workspace], (tx) => sealLag(tx, late));
    expect(after.oldestSeconds).toBe(0);
  });
});

describe("what a database administrator cannot hide", () => {
  beforeEach(async () => {
    await write(7);
    await sealer.pass();
  });

  test("an edited line", async () => {
    await tamper(
      "update audit_entries set actor_name = 'Eve' where workspace_id = $1 and subject_id = 'thing_4'",
      [workspace],
    );
    const result = await verify();
    expect(result.findings).toMatchObject([{ kind: "edited", entryId: String((await ids())[4]) }]);
  });

  test("an edited detail, with or without its hash", async () => {
    const id = (await ids())[2];
    await tamper("update audit_entries set detail = '{}' where id = $1", [id]);
    expect(await kinds()).toEqual(["edited"]);
    await tamper("update audit_entries set payload_hash = sha256('{}') where id = $1", [id]);
    expect(await kinds()).toEqual(["edited"]);
  });

  test("a deleted line", async () => {
    const id = (await ids())[3];
    await tamper("delete from audit_entries where id = $1", [id]);
    expect((await verify()).findings).toMatchObject([{ kind: "deleted", entryId: String(id) }]);
  });

  test("a line slipped in under an old transaction", async () => {
    const id = (await ids())[0];
    await tamper(
      `insert into audit_entries (id, workspace_id, at, recorded_at, actor_kind, actor_id, actor_name, action, payload_hash, xid)
       overriding system value
       select 1000000 + id, workspace_id, at, recorded_at, actor_kind, actor_id, actor_name, 'thing.forged', payload_hash, xid
         from audit_entries where id = $1`,
      [id],
    );
    await sealer.pass();
    expect((await verify()).findings).toMatchObject([
      { kind: "inserted", entryId: String(1_000_000 + (id ?? 0)) },
    ]);
  });

  test("two lines that changed places", async () => {
    const [first, second] = await ids();
    await tamper(
      `update audit_entries a set (recorded_at, subject_id, detail, payload_hash) =
         (select b.recorded_at, b.subject_id, b.detail, b.payload_hash from audit_entries b
           where b.id = case a.id when $1::bigint then $2::bigint else $1::bigint end)
       where a.id in ($1::bigint, $2::bigint)`,
      [first, second],
    );
    expect(await kinds()).toEqual(["reordered"]);
  });

  test("a tail that was cut off, seals and all", async () => {
    await tamper("delete from audit_seals where workspace_id = $1 and n = 3", [workspace]);
    await tamper(
      "delete from audit_entries where workspace_id = $1 and id = (select max(id) from audit_entries where workspace_id = $1)",
      [workspace],
    );
    expect(await kinds()).toEqual(["tail-cut"]);
  });

  test("a tail that was cut and grew again", async () => {
    await tamper("delete from audit_seals where workspace_id = $1 and n = 3", [workspace]);
    await tamper(
      "delete from audit_entries where workspace_id = $1 and id = (select max(id) from audit_entries where workspace_id = $1)",
      [workspace],
    );
    await write(1);
    await sealer.pass();
    expect(await kinds()).toEqual(["rewritten"]);
  });

  test("the whole log gone", async () => {
    await tamper("delete from audit_seals where workspace_id = $1", [workspace]);
    await tamper("delete from audit_entries where workspace_id = $1", [workspace]);
    expect(await kinds()).toEqual(["tail-cut"]);
  });

  test("a chain written anew with our own stolen key", async () => {
    await tamper("delete from audit_seals where workspace_id = $1", [workspace]);
    await tamper("update audit_entries set actor_name = 'Eve' where workspace_id = $1", [
      workspace,
    ]);
    await superuser.query("update audit_sealer set snapshot = '1:1:'");
    const thief = createSealer({
      pool: audit,
      clock,
      key: openSealKey(folder),
      anchors: anchorsInMemory(),
      batch: 3,
      onError: () => undefined,
    });
    await thief.pass();
    expect(await kinds()).toEqual(["rewritten"]);
  });

  test("a chain written anew with another key", async () => {
    const theirs = mkdtempSync(join(tmpdir(), "purser-thief-"));
    await tamper("delete from audit_seals where workspace_id = $1", [workspace]);
    await superuser.query("update audit_sealer set snapshot = '1:1:'");
    const thief = createSealer({
      pool: audit,
      clock,
      key: openSealKey(theirs),
      anchors: anchorsInMemory(),
      onError: () => undefined,
    });
    await thief.pass();
    expect(await kinds()).toContain("bad-signature");
    rmSync(theirs, { recursive: true });
  });

  test("a seal taken out of the middle", async () => {
    await tamper("delete from audit_seals where workspace_id = $1 and n = 2", [workspace]);
    expect(await kinds()).toContain("broken-chain");
  });
});

async function makeOrganization(client: pg.ClientBase): Promise<void> {
  await client.query(
    `insert into organizations (id, workspace_id, name, created_at, updated_at) values ('org_' || $1::int, $1, 'Acme', now(), now())`,
    [workspace],
  );
}

async function list(filter: Partial<ListFilter>) {
  return inTx(app, [workspace], (tx) => listEntries(tx, workspace, { limit: 50, ...filter }));
}

function unitContext(tx: Tx, workspaceId: number): Ctx {
  return {
    now: systemClock.now(),
    tx,
    actor: { kind: "system", job: "audit.verify" },
    workspace: { id: workspaceId, publicId: "ws", slug: "w" },
    requestId: "1",
    ticket: null,
    audit: () => Promise.resolve(),
    ...openOutbox(tx, { reactions: new Map(), workspaceId }),
  };
}

describe("out of band", () => {
  test("what the service writes is its own affair", async () => {
    await inTx(app, [workspace], (tx) => makeOrganization(tx.client));
    expect((await list({ action: "out_of_band." })).items).toEqual([]);
  });

  test("an operator's SQL leaves table, key and columns, but no values", async () => {
    await inTx(app, [workspace], (tx) => makeOrganization(tx.client));
    const operator = new pg.Client({ connectionString: database.operatorUrl });
    await operator.connect();
    // As the service would set it: psql may set what it likes, session_user it may not.
    await operator.query(`set purser.workspaces = '{${other}}'`);
    await operator.query("update organizations set name = 'Secret name' where id = $1", [
      `org_${workspace}`,
    ]);
    const scope = await operator.query("show purser.workspaces");
    expect(scope.rows).toEqual([{ "purser.workspaces": `{${other}}` }]);
    await operator.end();
    const found = (await list({ action: "out_of_band." })).items;
    expect(found).toMatchObject([
      {
        action: "out_of_band.row_updated",
        actor: { kind: "operator", id: "purser_operator" },
        subject: { kind: "organizations", id: `org_${workspace}` },
        organizationId: `org_${workspace}`,
        detail: {
          table: "organizations",
          changed: expect.arrayContaining(["name"]),
          login: "purser_operator",
        },
      },
    ]);
    expect(JSON.stringify(found)).not.toContain("Secret name");
  });

  test("the operator can neither write nor change the log itself", async () => {
    const operator = new pg.Client({ connectionString: database.operatorUrl });
    await operator.connect();
    for (const statement of [
      "delete from audit_entries",
      "insert into audit_entries default values",
      "update audit_sealer set floor_id = 0",
    ]) {
      await expect(operator.query(statement)).rejects.toThrow(/permission denied/);
    }
    await expect(
      operator.query("select action, actor, details, created_at from audit_log"),
    ).resolves.toBeDefined();
    await operator.end();
  });
});

describe("the inbox's segments", () => {
  async function receive(): Promise<number> {
    // As intake leaves it: one segment, its digest over its body.
    const found = await superuser.query<{ id: number }>(
      `insert into inbox_segments (id, workspace_id, at, events, body, digest)
       select nextval('inbox_segment_ids'), $1::int, now(), 2, b, sha256(b) from (select convert_to('body ' || $1::int, 'UTF8') as b) s
       returning id`,
      [workspace],
    );
    return found.rows[0]?.id ?? 0;
  }

  test("are sealed by their digest, by a sealer that cannot read what is in them", async () => {
    await receive();
    await write(1);
    expect(await sealer.pass()).toBe(1);
    expect(await verify(true)).toMatchObject({ intact: true, segments: 1, entries: 1 });
    await expect(
      inTx(audit, [workspace], (tx) => tx.client.query("select body from inbox_segments")),
    ).rejects.toThrow(/permission denied/);
  });

  test("a changed digest, and a changed body behind its digest, are found", async () => {
    const first = await receive();
    await sealer.pass();
    await superuser.query("update inbox_segments set body = 'forged' where id = $1", [first]);
    expect((await verify()).intact).toBe(true);
    expect((await verify(true)).findings).toMatchObject([{ kind: "edited" }]);
    await superuser.query("update inbox_segments set digest = sha256(body) where id = $1", [first]);
    expect(await kinds()).toEqual(["edited"]);
  });

  test("one that retention took is missed by nobody", async () => {
    const first = await receive();
    await sealer.pass();
    await superuser.query("delete from inbox_segments where id = $1", [first]);
    expect(await verify(true)).toMatchObject({ intact: true, segments: 0, seals: 1 });
  });
});

test("the runbook's question to audit_log is answered with acts and webhooks", async () => {
  await write(1);
  await superuser.query(
    "insert into inbox_duplicates (event_id, workspace_id, count, last_at) values ($1, $2, 3, now())",
    [workspace * 1000, workspace],
  );
  const found = await inTx(app, [workspace], (tx) =>
    tx.client.query<{ action: string }>(
      "select action, actor, subject, details, created_at from audit_log order by action",
    ),
  );
  expect(found.rows.map((row) => row.action)).toEqual(["thing.done", "webhook.duplicate"]);
});

describe("finding lines again", () => {
  test("by action, prefix, actor, subject, organization, ticket and time, page by page", async () => {
    await write(3);
    await write(2, "staff.signed_in");
    expect((await list({ action: "staff." })).items).toHaveLength(2);
    expect((await list({ action: "thing.done" })).items).toHaveLength(3);
    expect((await list({ action: "thing_done" })).items).toHaveLength(0);
    expect((await list({ actor: "Ada" })).items).toHaveLength(5);
    expect((await list({ subject: "thing_0" })).items).toHaveLength(2);
    expect((await list({ organization: "org_2" })).items).toHaveLength(0);
    expect((await list({ ticket: "T-1" })).items).toHaveLength(0);
    expect((await list({ since: "2027-01-01T00:00:00Z" })).items).toHaveLength(0);
    const first = await list({ limit: 4 });
    expect(first.items.map((item) => item.action)).toEqual([
      "staff.signed_in",
      "staff.signed_in",
      "thing.done",
      "thing.done",
    ]);
    const second = await list({ limit: 4, cursor: first.nextCursor ?? "" });
    expect(second).toMatchObject({ items: [{ subject: { id: "thing_0" } }], nextCursor: null });
  });
});

test("where one role does everything, lines are sealed, verified and refused all the same", async () => {
  const owner = openPool({
    url: database.ownerUrl,
    role: null,
    max: 2,
    applicationName: "single",
    onError: () => undefined,
  });
  await writeLines(owner, workspace, clock.now(), [{ action: "thing.done", subject: null }]);
  const single = createSealer({
    pool: owner,
    clock,
    key: openSealKey(folder),
    anchors,
    onError: () => undefined,
  });
  expect(await single.pass()).toBe(1);
  expect(await verify(true)).toMatchObject({ intact: true, entries: 1 });
  await expect(
    inTx(owner, [workspace], (tx) => tx.client.query("delete from audit_entries")),
  ).rejects.toThrow(/append-only/);
  await owner.end();
});

describe("the hourly verification", () => {
  const run = async (handler: number) => {
    const handlers = auditWorkers({
      verifier: openSealVerifier(folder),
      anchors,
      workspaceIds: () => Promise.resolve([workspace, other]),
    });
    const runIn: JobUnit["runIn"] = (id, work) =>
      inTx(app, [id], (tx) => work(unitContext(tx, id)));
    const unit: JobUnit = {
      job: "audit.verify",
      jobId: "1",
      attempt: 1,
      workspaceId: null,
      signal: AbortSignal.timeout(10_000),
      run: (work) => runIn(workspace, work),
      runIn,
    };
    return handlers[handler]?.handle(unit, {});
  };

  test.each([0, 1])(
    "says how much is intact, and fails loudly when something is not",
    async (handler) => {
      await write(2);
      await sealer.pass();
      expect(await run(handler)).toEqual({ kind: "done", note: "2 lines intact" });
      await tamper("delete from audit_entries where workspace_id = $1 and subject_id = 'thing_1'", [
        workspace,
      ]);
      await expect(run(handler)).rejects.toThrow(/not intact.*was sealed and is gone/u);
    },
  );
});

describe("files", () => {
  test("the private key is readable by its owner alone, and a second opening finds the same key", () => {
    const key = openSealKey(folder);
    expect(openSealKey(folder).id).toBe(key.id);
    expect(statSync(join(folder, "audit-seal.pem")).mode & 0o777).toBe(0o600);
  });

  test("anchors are kept by month and read back per workspace; a torn line is none", async () => {
    const store = openAnchorFiles(join(folder, "anchors"), clock);
    const hash = "ab".repeat(32);
    await store.append([
      { workspaceId: 1, n: 1, hash },
      { workspaceId: 2, n: 1, hash },
    ]);
    clock.advanceMs(31 * 24 * 3_600_000);
    await store.append([{ workspaceId: 1, n: 2, hash }]);
    clock.set(START);
    expect(await store.read(1)).toEqual([
      { workspaceId: 1, n: 1, hash },
      { workspaceId: 1, n: 2, hash },
    ]);
  });
});
