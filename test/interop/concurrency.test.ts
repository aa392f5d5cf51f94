import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { Rows } from '../support/interop/engines.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { enginesOf, findEngines } from '../support/interop/readers.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await findEngines();
const server = await resource(startS3Server);

const WRITERS = 10;
const COMMITS_EACH = 5;
const ROWS_EACH = 3;
/** Rows of one writer start here times its number. */
const STRIDE = 1_000;

const OURS = WRITERS * COMMITS_EACH * ROWS_EACH;
const THEIRS = COMMITS_EACH * 2 * ROWS_EACH;

describe('Ten of our writers beside delta-rs', { skip: found.skip ?? server.skip ?? false }, () => {
  it('lose and double nothing in a folder', async () => {
    const folder = makeTempFolder();
    const table = join(folder, 'table');
    await writeTogether(createFolderStore(folder), table);

    const { spark, duckDb } = enginesOf(found);
    await assertComplete((statement) => deltaRsSql(table, statement));
    await assertComplete((statement) => sql(spark, statement.replace('FROM t', `FROM delta.\`${table}\``)));
    await assertComplete((statement) => sql(duckDb, statement.replace('FROM t', `FROM delta_scan('${table}')`)));
  });

  it('lose and double nothing on S3', async () => {
    const { client, createBucket, endpoint, env } = available(server);
    const bucket = await createBucket();
    const table = `s3://${bucket}/table`;
    const storage = { ...env, AWS_ALLOW_HTTP: 'true' };
    await writeTogether(createS3Store({ client: client(), bucket }), table, storage);

    const { duckDb } = enginesOf(found);
    await assertComplete((statement) => deltaRsSql(table, statement, storage));
    const secret = `TYPE s3, KEY_ID '${env.AWS_ACCESS_KEY_ID}', SECRET '${env.AWS_SECRET_ACCESS_KEY}', REGION '${env.AWS_REGION}', ENDPOINT '${new URL(endpoint).host}', URL_STYLE 'path', USE_SSL false`;
    await duckDb.call('execute', { statement: `CREATE SECRET (${secret})` });
    await assertComplete((statement) => sql(duckDb, statement.replace('FROM t', `FROM delta_scan('${table}')`)));
  });
});

/** Every one of our writers is an execution environment of its own; delta-rs is a process of its own. */
async function writeTogether(store: ObjectStore, table: string, storage?: object): Promise<void> {
  await land(store, 0, 0);
  await createPipeline(store).append(keyOf(0, 0));
  const { deltaRs } = enginesOf(found);
  const numbers = { first: WRITERS * STRIDE, commits: COMMITS_EACH * 2, rows: ROWS_EACH };
  const theirs = deltaRs.call('appendNumbers', { table, storage, ...numbers });
  const ours = Array.from({ length: WRITERS }, async (_, writer) => {
    const pipeline = createPipeline(store);
    for (let commit = writer === 0 ? 1 : 0; commit < COMMITS_EACH; commit++) {
      await land(store, writer, commit);
      await pipeline.append(keyOf(writer, commit));
    }
  });
  await Promise.all([theirs, ...ours]);
}

async function land(store: ObjectStore, writer: number, commit: number): Promise<void> {
  const first = writer * STRIDE + commit * ROWS_EACH;
  await store.put(keyOf(writer, commit), parquet(rowsOf(first, ROWS_EACH)));
}

function keyOf(writer: number, commit: number): string {
  return `table/${writer}-${commit}.parquet`;
}

async function assertComplete(query: (statement: string) => Promise<Rows>): Promise<void> {
  const { rows } = await query(
    "SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(CASE WHEN name = 'delta-rs' THEN 1 ELSE 0 END) AS theirs FROM t",
  );
  assert.deepEqual(rows, [[String(OURS + THEIRS), String(OURS + THEIRS), String(THEIRS)]]);
}

function deltaRsSql(table: string, statement: string, storage?: object): Promise<Rows> {
  return enginesOf(found).deltaRs.call('sql', { table, statement, storage }) as Promise<Rows>;
}

async function sql(
  engine: { call(command: string, values: object): Promise<unknown> },
  statement: string,
): Promise<Rows> {
  return (await engine.call('sql', { statement })) as Rows;
}
