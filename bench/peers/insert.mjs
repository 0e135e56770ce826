// The limit beside the intake: 64 connections that insert one jsonb row a commit, without HTTP.
// Over IPC: {bodies: string[]} once, then {seconds} per round; answers {perSecond, rows, bytes}.
import pg from "pg";

const [url] = process.argv.slice(2);
const CONNECTIONS = 64;
let bodies = [];
let counter = 0;
const clients = await Promise.all(
  Array.from({ length: CONNECTIONS }, async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    return client;
  }),
);
await clients[0]
  .query(`create table if not exists jsonb_rows (id bigint generated always as identity primary key,
  provider text not null, external_id text not null, received_at timestamptz not null default now(), body jsonb not null,
  unique (provider, external_id))`);

async function round(seconds) {
  const begun = performance.now();
  const until = begun + seconds * 1000;
  const before = counter;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < until) {
        const n = counter;
        counter += 1;
        await client.query({
          name: "insert",
          text: "insert into jsonb_rows (provider, external_id, body) values ('stripe', $1, $2) on conflict do nothing",
          values: [`evt_row_${n}`, bodies[n % bodies.length]],
        });
      }
    }),
  );
  const perSecond = ((counter - before) / (performance.now() - begun)) * 1000;
  const size = await clients[0].query("select pg_total_relation_size('jsonb_rows') as bytes");
  return { perSecond, rows: counter, bytes: Number(size.rows[0].bytes) };
}

process.on("message", async (message) => {
  if (message.bodies !== undefined) {
    bodies = message.bodies;
    process.send({ ready: true });
  } else {
    process.send(await round(message.seconds));
  }
});
process.on("disconnect", () => process.exit(0));
