// The projection work that Purser's worker does, as a queue's user would write it by hand: subscriptions and invoices
// kept by upsert, a row moved only by a newer snapshot.

export const TABLES = `
create table if not exists peer_customers (id text primary key, name text, email text, created timestamptz, at bigint not null, rank int not null);
create table if not exists peer_subscriptions (id text primary key, customer text not null, status text not null, price text,
  amount bigint, currency text, period_start timestamptz, period_end timestamptz, cancel_at_period_end boolean, latest_invoice text,
  created timestamptz not null, event_id text not null, at bigint not null, rank int not null, synced_at timestamptz not null);
create index if not exists peer_subscriptions_customer on peer_subscriptions (customer);
create table if not exists peer_invoices (id text primary key, customer text not null, subscription text, status text not null, number text,
  amount_due bigint, amount_paid bigint, currency text, created timestamptz not null, paid_at timestamptz,
  event_id text not null, at bigint not null, rank int not null, synced_at timestamptz not null);
create index if not exists peer_invoices_customer on peer_invoices (customer, created);
`;

const RANK = { created: 0, updated: 1, finalized: 1, paid: 2, deleted: 3 };
const instant = (seconds) =>
  seconds === null || seconds === undefined ? null : new Date(seconds * 1000);
const rankOf = (type) => RANK[type.slice(type.lastIndexOf(".") + 1)] ?? 1;

function customer(event) {
  const object = event.data.object;
  return [
    object.id,
    object.name,
    object.email,
    instant(object.created),
    event.created,
    rankOf(event.type),
  ];
}

function subscription(event) {
  const object = event.data.object;
  const item = object.items.data[0];
  return [
    object.id,
    object.customer,
    object.status,
    item?.price.id ?? null,
    item?.price.unit_amount ?? null,
    object.currency,
    instant(item?.current_period_start),
    instant(item?.current_period_end),
    object.cancel_at_period_end,
    object.latest_invoice,
    instant(object.created),
    event.id,
    event.created,
    rankOf(event.type),
    new Date(),
  ];
}

function invoice(event) {
  const object = event.data.object;
  return [
    object.id,
    object.customer,
    object.parent?.subscription_details?.subscription ?? null,
    object.status,
    object.number,
    object.amount_due,
    object.amount_paid,
    object.currency,
    instant(object.created),
    instant(object.status_transitions.paid_at),
    event.id,
    event.created,
    rankOf(event.type),
    new Date(),
  ];
}

const KINDS = {
  customer: {
    read: customer,
    table: "peer_customers",
    columns: ["id", "name", "email", "created", "at", "rank"],
    types: ["text", "text", "text", "timestamptz", "bigint", "int"],
  },
  subscription: {
    read: subscription,
    table: "peer_subscriptions",
    columns: [
      "id",
      "customer",
      "status",
      "price",
      "amount",
      "currency",
      "period_start",
      "period_end",
      "cancel_at_period_end",
      "latest_invoice",
      "created",
      "event_id",
      "at",
      "rank",
      "synced_at",
    ],
    types: [
      "text",
      "text",
      "text",
      "text",
      "bigint",
      "text",
      "timestamptz",
      "timestamptz",
      "boolean",
      "text",
      "timestamptz",
      "text",
      "bigint",
      "int",
      "timestamptz",
    ],
  },
  invoice: {
    read: invoice,
    table: "peer_invoices",
    columns: [
      "id",
      "customer",
      "subscription",
      "status",
      "number",
      "amount_due",
      "amount_paid",
      "currency",
      "created",
      "paid_at",
      "event_id",
      "at",
      "rank",
      "synced_at",
    ],
    types: [
      "text",
      "text",
      "text",
      "text",
      "text",
      "bigint",
      "bigint",
      "text",
      "timestamptz",
      "timestamptz",
      "text",
      "bigint",
      "int",
      "timestamptz",
    ],
  },
};

for (const kind of Object.values(KINDS)) {
  const set = kind.columns
    .slice(1)
    .map((column) => `${column} = excluded.${column}`)
    .join(", ");
  const guard = `on conflict (id) do update set ${set} where (${kind.table}.at, ${kind.table}.rank) < (excluded.at, excluded.rank)`;
  const list = kind.columns.join(", ");
  kind.one = `insert into ${kind.table} (${list}) values (${kind.columns.map((_, i) => `$${i + 1}`).join(", ")}) ${guard}`;
  kind.many = `insert into ${kind.table} (${list}) select * from unnest(${kind.types.map((type, i) => `$${i + 1}::${type}[]`).join(", ")}) ${guard}`;
}

function kindOf(event) {
  return KINDS[event.data.object.object];
}

/** One event, one statement. `body` is the parsed event (as queues hand out their payloads). */
export async function projectOne(client, event) {
  const kind = kindOf(event);
  await client.query({ name: kind.table, text: kind.one, values: kind.read(event) });
}

/** Many events: the newest of each object, one statement a table, in one transaction. */
export async function projectMany(client, events) {
  const newest = new Map();
  for (const event of events) {
    const kind = kindOf(event);
    const row = kind.read(event);
    const at = kind.columns.indexOf("at");
    const key = `${kind.table} ${row[0]}`;
    const found = newest.get(key);
    if (
      found === undefined ||
      found.row[at] < row[at] ||
      (found.row[at] === row[at] && found.row[at + 1] < row[at + 1])
    ) {
      newest.set(key, { kind, row });
    }
  }
  await client.query("begin");
  try {
    for (const kind of Object.values(KINDS)) {
      const rows = [...newest.values()]
        .filter((each) => each.kind === kind)
        .map((each) => each.row);
      if (rows.length > 0) {
        rows.sort((a, b) => (a[0] < b[0] ? -1 : 1));
        await client.query({
          name: `${kind.table} many`,
          text: kind.many,
          values: kind.columns.map((_, column) => rows.map((row) => row[column])),
        });
      }
    }
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}
