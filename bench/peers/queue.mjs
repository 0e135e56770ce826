// Works off a backlog of events with a queue from npm. node queue.mjs <graphile-default|graphile-tuned|pg-boss> <database url>
// Over IPC: {prepare: true}, then {bodies: string[]} any number of times (adds them), then {drain: count}; answers {perSecond}.
import { run, makeWorkerUtils, runMigrations } from "graphile-worker";
import pg from "pg";
import { PgBoss } from "pg-boss";

import { projectMany, projectOne, TABLES } from "./projection.mjs";

const [mode, url] = process.argv.slice(2);
const POOL = 20;
const BATCH = 500;
const quiet = {
  info() {},
  warn() {},
  error(message) {
    process.stderr.write(`${message}\n`);
  },
  debug() {},
};

function openPool() {
  const pool = new pg.Pool({ connectionString: url, max: POOL });
  const heard = (error) => quiet.error(error.message);
  pool.on("error", heard);
  pool.on("connect", (client) => client.on("error", heard));
  return pool;
}

function graphile(tuned) {
  const pool = openPool();
  let utils;
  return {
    async prepare() {
      await runMigrations({ pgPool: pool });
      await pool.query(TABLES);
      utils = await makeWorkerUtils({ pgPool: pool });
    },
    async add(bodies) {
      await utils.addJobs(
        bodies.map((body) => ({
          identifier: "project",
          payload: JSON.parse(body),
          maxAttempts: 3,
        })),
      );
    },
    async drain(count) {
      await pool.query("analyze graphile_worker._private_jobs");
      let left = count;
      let begun = 0;
      const { promise, resolve } = Promise.withResolvers();
      const { Logger } = await import("graphile-worker");
      const runner = await run({
        pgPool: pool,
        noHandleSignals: true,
        logger: new Logger(
          () => (level, message) =>
            level === "error" ? process.stderr.write(`${message}\n`) : undefined,
        ),
        preset: {
          worker: tuned
            ? {
                concurrentJobs: 24,
                maxPoolSize: POOL,
                pollInterval: 100,
                localQueue: { size: 2000 },
                completeJobBatchDelay: 0,
                failJobBatchDelay: 0,
              }
            : { concurrentJobs: 10, maxPoolSize: POOL },
        },
        taskList: {
          async project(payload, helpers) {
            if (begun === 0) {
              begun = performance.now();
            }
            await helpers.withPgClient((client) => projectOne(client, payload));
            left -= 1;
            if (left === 0) {
              resolve(performance.now());
            }
          },
        },
      });
      const ended = await promise;
      await runner.stop();
      return (count / (ended - begun)) * 1000;
    },
  };
}

function boss() {
  const pool = openPool();
  const instance = new PgBoss({
    connectionString: url,
    max: POOL,
    supervise: false,
    schedule: false,
  });
  instance.on("error", (error) => quiet.error(error.message));
  return {
    async prepare() {
      await pool.query(TABLES);
      await instance.start();
      await instance.createQueue("project").catch(() => undefined);
    },
    async add(bodies) {
      await instance.insert(
        "project",
        bodies.map((body) => ({ data: JSON.parse(body) })),
      );
    },
    async drain(count) {
      // Without fresh statistics its fetch falls to a fortieth of this.
      await pool.query("analyze pgboss.job");
      const client = await pool.connect();
      const begun = performance.now();
      for (let left = count; left > 0;) {
        const jobs = await instance.fetch("project", { batchSize: BATCH });
        if (jobs.length === 0) {
          throw new Error(`pg-boss hands out nothing while ${left} jobs are left.`);
        }
        await projectMany(
          client,
          jobs.map((job) => job.data),
        );
        await instance.complete(
          "project",
          jobs.map((job) => job.id),
        );
        left -= jobs.length;
      }
      const perSecond = (count / (performance.now() - begun)) * 1000;
      client.release();
      return perSecond;
    },
  };
}

const queue = mode === "pg-boss" ? boss() : graphile(mode === "graphile-tuned");
process.on("message", async (message) => {
  try {
    if (message.prepare !== undefined) {
      await queue.prepare();
      process.send({ ready: true });
    } else if (message.bodies !== undefined) {
      await queue.add(message.bodies);
      process.send({ added: message.bodies.length });
    } else {
      process.send({ perSecond: await queue.drain(message.drain) });
    }
  } catch (error) {
    process.send({
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
});
process.on("disconnect", () => process.exit(0));
