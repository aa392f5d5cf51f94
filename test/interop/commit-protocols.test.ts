import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { paginateScan } from '@aws-sdk/client-dynamodb';
import { createDynamoCommitTable } from '../../src/aws/dynamo-commit-table.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { readCommit } from '../../src/delta/commit-file.ts';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createCoordinatedStore } from '../../src/storage/commits/coordinated-store.ts';
import { createCommitTable, dynamoClient, dynamoOptions } from '../support/dynamo-table.ts';
import type { DynamoProxy } from '../support/interop/commit-protocols/dynamo-proxy.ts';
import {
  type CommitPlace,
  type CommitWriter,
  type DeathRequest,
  deltaRsWriter,
  ourWriter,
  sparkWriter,
} from '../support/interop/commit-protocols/writers.ts';
import type { LineProcess } from '../support/interop/line-process.ts';
import { startS3Server } from '../support/s3-server.ts';
import { listKeys } from '../support/store-assertions.ts';
import { available, resource } from '../support/unavailable.ts';

const ROWS = 2;
/** Ids of one writer start here times its place. */
const STRIDE = 1_000_000;

const place = await resource(async (): Promise<CommitPlace> => {
  const server = await startS3Server();
  const [bucket, commitTable] = await Promise.all([server.createBucket(), createCommitTable(server)]);
  return { server, bucket, root: 'lake/table', commitTable };
});
const deltaRs = await resource(() => deltaRsWriter('delta-rs', available(place)));
const spark = await resource(() => sparkWriter('spark', available(place)));

/** Every call of a commit of ours, in the order of the steps. */
const OUR_CALLS = ['head', 'table.get', 'put', 'table.putIfAbsent', 'putIfAbsent', 'table.complete', 'delete'];
const OUR_DEATHS: readonly DeathRequest[] = OUR_CALLS.flatMap((method) =>
  (['before', 'after'] as const).map((when) => ({ method, when })),
);

const NAMES = ['steady', 'dying', 'delta-rs', 'spark'] as const;
type WriterName = (typeof NAMES)[number];

/** Commits of a writer, in how many of which it is killed. */
interface Share {
  readonly commits: number;
  readonly kills: number;
}

const WITH_SPARK: Readonly<Record<WriterName, Share>> = {
  steady: { commits: 150, kills: 0 },
  dying: { commits: 130, kills: OUR_DEATHS.length },
  'delta-rs': { commits: 190, kills: 8 },
  // A JVM takes its time to start.
  spark: { commits: 30, kills: 4 },
};
/** As many where there is no Spark. */
const WITHOUT_SPARK = {
  steady: { commits: spark.skip === undefined ? 30 : 120, kills: 0 },
  dying: { commits: spark.skip === undefined ? 30 : 130, kills: OUR_DEATHS.length },
  'delta-rs': { commits: spark.skip === undefined ? 40 : 250, kills: 8 },
};

describe('writers that commit through DynamoDB', { skip: place.skip ?? deltaRs.skip ?? false }, () => {
  it('lose and double nothing while they are killed in each step: delta-rs and ours', async (test) => {
    const commits = await writeTogether({ ...available(place), root: 'lake/two' }, WITHOUT_SPARK, test);
    if (spark.skip !== undefined) assert.ok(commits >= 500);
  });

  it('lose and double nothing while they are killed in each step: Spark, delta-rs and ours', {
    skip: spark.skip ?? false,
  }, async (test) => {
    assert.ok((await writeTogether(available(place), WITH_SPARK, test)) >= 500);
  });
});

/** Has all write to one table at once, and looks for every row. Returns the number of commits. */
async function writeTogether(
  here: CommitPlace,
  plan: Readonly<Partial<Record<WriterName, Share>>>,
  test: { diagnostic(text: string): void },
): Promise<number> {
  const names = NAMES.filter((name) => plan[name] !== undefined);
  const share = (name: WriterName): Share => plan[name] ?? { commits: 0, kills: 0 };
  const problems = new Map<string, number>();
  const pace = createPace(names);
  const steady = ourWriter('steady', here);
  // The table is there before the others start.
  (await commitAll(here, steady, { commits: 1, kills: 0 })).process.kill();
  const runs = await Promise.all(
    names.map((name) => {
      if (name === 'steady') return commitAll(here, steady, share(name), { problems, pace });
      if (name === 'dying')
        return commitAll(here, ourWriter(name, here), share(name), { problems, pace, kill: killOurs });
      const writer = available(name === 'spark' ? spark : deltaRs);
      return commitAll(here, writer, share(name), { problems, pace, kill: killByProxy(writer.proxy) });
    }),
  );
  const total = (count: (name: WriterName) => number): number => names.reduce((sum, name) => sum + count(name), 0);
  const [commits, kills] = [total((name) => share(name).commits), total((name) => share(name).kills)];
  for (const [problem, count] of problems) test.diagnostic(`${count} × ${problem}`);
  assert.equal(
    runs.reduce((sum, { killed }) => sum + killed, 0),
    kills,
  );

  const { versions, adds } = await readLog(here);
  test.diagnostic(`${commits} commits in ${versions} versions, ${kills} kills`);
  // delta-rs 1.6 may commit once more what a peer has recovered; docs/commit-protocols.md.
  assert.ok(versions >= commits, `${versions} versions of ${commits}`);
  for (const name of ['steady', 'dying'] as const) {
    assert.equal(adds.get(name), share(name).commits, `each commit of ${name} is in the log once`);
  }
  await assertAllComplete(here);
  const rowsOf = (name: WriterName): number => share(name).commits * ROWS;
  const expected = Object.fromEntries(names.map((name) => [name, [rowsOf(name), rowsOf(name)]]));
  for (const [index, { process }] of runs.entries()) {
    const name = names[index];
    if (name === 'steady' || name === 'dying') continue;
    assert.deepEqual(await process.call('rows', { table: urlOf(here) }), expected, `the rows that ${name} reads`);
  }
  for (const { process } of runs) process.kill();
  return commits;
}

/** Called with the part of its commits that a writer has made, 0 to 1. */
type Pace = (name: string, part: number) => Promise<void>;

/** How far one writer may be ahead of another: a JVM is slow, and would otherwise have the table for itself at the end. */
const MAX_LEAD = 0.05;

function createPace(names: readonly string[]): Pace {
  const parts = new Map(names.map((name) => [name, 0]));
  return async (name, part) => {
    parts.set(name, part);
    while (part - Math.min(...parts.values()) > MAX_LEAD) await sleep(20);
  };
}

interface Run {
  readonly problems?: Map<string, number>;
  readonly pace?: Pace;
  /** Arms the death of a process: it comes in the middle of the next commit. */
  readonly kill?: (process: LineProcess, count: number) => Promise<void>;
}

/** Has a writer commit, each commit until it is known to be there. Returns how often it was killed, and the last process. */
async function commitAll(
  here: CommitPlace,
  writer: CommitWriter,
  { commits, kills }: Share,
  { problems = new Map(), pace, kill }: Run = {},
): Promise<{ readonly killed: number; readonly process: LineProcess }> {
  let process = writer.start();
  let killed = 0;
  const every = Math.floor(commits / (kills + 1));
  const first = STRIDE * ((NAMES as readonly string[]).indexOf(writer.name) + 1);
  for (let number = 0; number < commits; number += 1) {
    await pace?.(writer.name, number / commits);
    const isDue = kill !== undefined && killed < kills && number === (killed + 1) * every;
    if (isDue) await kill(process, killed);
    for (let attempt = 0; ; attempt += 1) {
      const request = { table: urlOf(here), writer: writer.name };
      try {
        await process.call('append', { ...request, number, first: first + number * ROWS, rows: ROWS });
        break;
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        if (/ended with SIGKILL/.test(text)) {
          killed += 1;
          process = writer.start();
          continue;
        }
        const problem = `${writer.name}: ${text
          .split('\n', 1)[0]
          ?.replaceAll(/\d{3,}/g, 'N')
          .slice(0, 200)}`;
        problems.set(problem, (problems.get(problem) ?? 0) + 1);
        if (attempt === 50) throw error;
        await sleep(100 * attempt);
      }
    }
  }
  await pace?.(writer.name, 1);
  return { killed, process };
}

async function killOurs(process: LineProcess, count: number): Promise<void> {
  await process.call('dieAt', OUR_DEATHS[count]);
}

/** Before and after the entry is made (step 2.2), before and after it is completed (step 4, which follows on the copy). */
function killByProxy(proxy: DynamoProxy): NonNullable<Run['kill']> {
  const steps = (['prepare', 'complete'] as const).flatMap((write) =>
    (['before', 'after'] as const).map((when) => ({ write, when })),
  );
  return async (process, count) => {
    const step = steps[count % steps.length];
    if (step !== undefined) proxy.killAt(step.write, step.when, () => process.kill());
  };
}

function urlOf({ bucket, root }: CommitPlace): string {
  return `s3a://${bucket}/${root}`;
}

/** The number of versions, without gaps, and how many files of each of our writers they add. */
async function readLog(here: CommitPlace): Promise<{ versions: number; adds: Map<string, number> }> {
  const { server, bucket, root } = here;
  const entries = createDynamoCommitTable({ name: here.commitTable, ...dynamoOptions(server) });
  const coordination = { table: entries, tablePath: urlOf(here) };
  const store = createCoordinatedStore({
    store: createS3Store({ client: server.client(), bucket }),
    coordinationOf: () => coordination,
  });
  const table = { store, root, url: urlOf(here) };
  const { version } = await loadSnapshot(table, createCheckpointReader());
  const log = `${root}/_delta_log/`;
  const keys = (await listKeys(store, log)).filter((key) => /\/\d{20}\.json$/.test(key));
  assert.deepEqual(
    keys,
    Array.from({ length: version + 1 }, (_, at) => `${log}${String(at).padStart(20, '0')}.json`),
    'versions without gaps',
  );
  const adds = new Map<string, number>();
  for (const [at, key] of keys.entries()) {
    const { actions } = await readCommit(table, { version: at, key });
    for (const action of actions) {
      const writer = 'add' in action ? /^(steady|dying)-\d+\.parquet$/.exec(action.add.path)?.[1] : undefined;
      if (writer !== undefined) adds.set(writer, (adds.get(writer) ?? 0) + 1);
    }
  }
  return { versions: version + 1, adds };
}

async function assertAllComplete({ server, commitTable }: CommitPlace): Promise<void> {
  const client = dynamoClient(server);
  for await (const { Items: items = [] } of paginateScan({ client }, { TableName: commitTable })) {
    for (const { fileName, complete, expireTime } of items) {
      assert.deepEqual([complete?.S, typeof expireTime?.N], ['true', 'string'], `${fileName?.S} is complete`);
    }
  }
}
