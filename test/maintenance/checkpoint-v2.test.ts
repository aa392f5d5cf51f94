import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../src/delta/actions.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { logKey } from '../../src/delta/log-path.ts';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import { SIDECAR_ROWS } from '../../src/maintenance/checkpoint/write-sidecars.ts';
import {
  add,
  type CountedLog,
  createCountedLog,
  FIRST_TIME,
  featureProtocol,
  metaData,
  protocol,
  remove,
  txn,
} from '../support/delta-log-builder.ts';
import { listKeys } from '../support/store-assertions.ts';
import { checkpointState, engineAt, expectedState, WEEK } from './checkpoint-world.ts';

const engine = engineAt();
const DAY = 86_400_000;

describe('a V2 checkpoint', () => {
  it('says what the commits say, in a top level and sidecars', async () => {
    const log = await tableOf(add('a', { stats: '{"numRecords":1}' }), remove('b'), txn('app', 1));
    const expected = await expectedState(log.table);
    const result = await checkpointTable(engine, log.table);
    assert.equal(result.kind, 'v2');
    assert.deepEqual(result.written?.sidecars, { reused: 0, written: 1 });
    assert.equal(result.written?.rows, 7);
    assert.deepEqual(await checkpointState(log.table), expected);
    const lines = await topLevel(log);
    assert.deepEqual(
      lines.map((line) => Object.keys(line)[0]),
      ['checkpointMetadata', 'protocol', 'metaData', 'txn', 'sidecar'],
    );
    assert.deepEqual(lines[0], {
      checkpointMetadata: {
        version: 0,
        tags: { sidecarNumActions: '2', sidecarSizeInBytes: String(sizeOf(lines)), numOfAddFiles: '1' },
      },
    });
  });

  it('is announced as Spark announces one', async () => {
    const log = await tableOf(add('a'));
    const { written } = await checkpointTable(engine, log.table);
    const { body } = await log.store.get(logKey(log.table, '_last_checkpoint'));
    const { checksum, v2Checkpoint, ...hint } = JSON.parse(Buffer.from(body).toString());
    assert.deepEqual(hint, { version: 0, size: 5, sizeInBytes: written?.bytes, numOfAddFiles: 1 });
    const top = await log.store.head(written?.key ?? '');
    assert.deepEqual(v2Checkpoint, {
      path: written?.key.split('/').at(-1),
      sizeInBytes: top?.size,
      modificationTime: top?.modified,
    });
  });

  it('names the sidecars again in which nothing changed, without reading them where their paths lie apart', async () => {
    const log = await tableOf(...daily('2026-01-01', 40));
    await checkpointTable(engine, log.table);
    const [first] = await sidecars(log);
    await log.commit(...daily('2026-01-02', 30));
    log.store.reset();
    const result = await checkpointTable(engine, log.table);
    assert.deepEqual(result.written?.sidecars, { reused: 1, written: 1 });
    assert.deepEqual(gets(log, first), { get: 0, head: 1 });
    assert.deepEqual(await checkpointState(log.table), await expectedState(log.table));
  });

  it('reads only the paths of a sidecar whose range has changed files, and keeps it if it has none of them', async () => {
    const log = await tableOf(add('a', { stats: 'x'.repeat(500_000) }), add('z'));
    for (let index = 0; index < 70; index++) await log.commit(add(`b${index}`));
    await checkpointTable(engine, log.table);
    const [first] = await sidecars(log);
    await log.commit(add('m'));
    log.store.reset();
    const result = await checkpointTable(engine, log.table);
    assert.deepEqual(result.written?.sidecars, { reused: 1, written: 1 });
    assert.ok((gets(log, first)?.get ?? 0) > 0);
    assert.deepEqual(await checkpointState(log.table), await expectedState(log.table));
  });

  it('writes a sidecar again when a file in it was removed, added again or got another deletion vector', async () => {
    const vector = (pathOrInlineDv: string) => ({ storageType: 'u', pathOrInlineDv, sizeInBytes: 3, cardinality: 2 });
    const changes: Readonly<Record<string, readonly Action[]>> = {
      removed: [remove('day=2026-01-01/3')],
      'added again': [add('day=2026-01-01/3', { size: 77 })],
      'spelled otherwise': [remove('s3://bucket/lake/orders/day=2026-01-01/3')],
      'with a deletion vector': [add('day=2026-01-01/3', { deletionVector: vector('v') }), remove('day=2026-01-01/3')],
    };
    for (const [name, actions] of Object.entries(changes)) {
      const log = await tableOf(...daily('2026-01-01', 20));
      await checkpointTable(engine, log.table);
      const [first] = await sidecars(log);
      await log.commit(...actions);
      await checkpointTable(engine, log.table);
      assert.ok(!(await sidecars(log)).includes(first ?? ''), name);
      assert.deepEqual(await checkpointState(log.table), await expectedState(log.table), name);
    }
  });

  it('writes a sidecar again when a file in it gets one deletion vector after another', async () => {
    const vector = (pathOrInlineDv: string) => ({ storageType: 'u', pathOrInlineDv, sizeInBytes: 3, cardinality: 2 });
    const log = await tableOf(...daily('2026-01-01', 20), add('day=2026-01-01/x', { deletionVector: vector('1') }));
    await checkpointTable(engine, log.table);
    for (const next of ['2', '3']) {
      await log.commit(
        remove('day=2026-01-01/x', { deletionVector: vector(String(Number(next) - 1)) }),
        add('day=2026-01-01/x', { deletionVector: vector(next) }),
      );
      await checkpointTable(engine, log.table);
      assert.deepEqual(await checkpointState(log.table), await expectedState(log.table));
    }
  });

  it('writes no sidecar when no file changed', async () => {
    const log = await tableOf(add('a'));
    await checkpointTable(engine, log.table);
    const before = await sidecars(log);
    await log.commit(txn('app', 3));
    const result = await checkpointTable(engine, log.table);
    assert.deepEqual(result.written?.sidecars, { reused: 1, written: 0 });
    assert.deepEqual(await sidecars(log), before);
    assert.deepEqual(await checkpointState(log.table), await expectedState(log.table));
  });

  it('keeps the number of small sidecars bounded, and writes each action a few times only', async () => {
    const log = await tableOf();
    let written = 0;
    const rounds = 40;
    for (let round = 0; round < rounds; round++) {
      await log.commit(...daily(`2026-02-${String(round).padStart(2, '0')}`, 10));
      const result = await checkpointTable(engine, log.table);
      const count = (await sidecars(log)).length;
      assert.ok(count <= 9, `${count} sidecars after ${round + 1} checkpoints`);
      written += Number(result.written?.sidecars.written);
    }
    assert.equal(written, rounds);
    assert.deepEqual(await checkpointState(log.table), await expectedState(log.table));
  });

  it('keeps it bounded also where each is smaller than the one before', async () => {
    const log = await tableOf();
    for (let round = 0; round < 16; round++) {
      await log.commit(...daily(`2026-03-${round + 10}`, 40 - 2 * round));
      await checkpointTable(engine, log.table);
      const count = (await sidecars(log)).length;
      assert.ok(count <= 9, `${count} sidecars after ${round + 1} checkpoints`);
    }
    assert.deepEqual(await checkpointState(log.table), await expectedState(log.table));
  });

  it('divides many files over sidecars', async () => {
    const count = SIDECAR_ROWS + 10;
    const log = await tableOf(...Array.from({ length: count }, (_, index) => add(`${index}`)));
    const result = await checkpointTable(engine, log.table);
    assert.deepEqual(result.written?.sidecars, { reused: 0, written: 2 });
    assert.equal(result.written?.adds, count);
  });

  it('takes over the sidecars of another writer that have the columns of the table, and not those that have not', async () => {
    const cases = [
      { property: {}, reused: 2 },
      { property: { 'delta.checkpoint.writeStatsAsStruct': 'true' }, reused: 0 },
      { property: { 'delta.checkpoint.writeStatsAsJson': 'false' }, reused: 0 },
    ];
    for (const { property, reused } of cases) {
      for (const shape of ['v2Parquet', 'v2Json'] as const) {
        const log = createCountedLog();
        const files = Array.from({ length: 60 }, (_, index) => add(`f${index}`));
        await log.commit(featureProtocol(['v2Checkpoint']), metaData({ configuration: property }), ...files);
        await log.checkpoint(0, shape);
        await log.commit(add('new'));
        const { written } = await checkpointTable(engine, log.table);
        assert.equal(written?.sidecars.reused, reused, shape);
        // They do not tell how many of their actions are adds.
        assert.equal(written?.adds, reused === 0 ? 61 : undefined);
        assert.deepEqual(await checkpointState(log.table), await expectedState(log.table));
      }
    }
  });

  it('follows on a checkpoint without sidecars', async () => {
    for (const shape of ['classic', 'v2ParquetInline', 'v2JsonInline'] as const) {
      const log = await tableOf(add('a'), add('b'));
      await log.checkpoint(0, shape);
      await log.commit(remove('a'), add('c'));
      const result = await checkpointTable(engine, log.table);
      assert.deepEqual(result.written?.sidecars, { reused: 0, written: 1 });
      assert.deepEqual(await checkpointState(log.table), await expectedState(log.table), shape);
    }
  });

  it('is followed by a classic one where the table asks for that', async () => {
    const log = await tableOf(add('a'), add('b'));
    await checkpointTable(engine, log.table);
    await log.commit(metaData({ configuration: { 'delta.checkpointPolicy': 'classic' } }), remove('a'));
    const result = await checkpointTable(engine, log.table);
    assert.equal(result.kind, 'classic');
    assert.deepEqual(await checkpointState(log.table), await expectedState(log.table));
  });

  it('gets rid of expired tombstones, once they are a quarter of a sidecar', async () => {
    const log = await tableOf(...daily('2026-01-01', 3), remove('old'), remove('older'));
    await checkpointTable(engine, log.table);
    await log.commit(add('x'));
    const later = engineAt(FIRST_TIME + WEEK + DAY);
    await checkpointTable(later, log.table);
    assert.deepEqual((await checkpointState(log.table)).removes, []);
  });

  it('refuses to name a sidecar that is gone', async () => {
    const log = await tableOf(...daily('2026-01-01', 3));
    await checkpointTable(engine, log.table);
    await log.store.delete((await sidecars(log))[0] ?? '');
    await log.commit(txn('app', 1));
    await assert.rejects(checkpointTable(engine, log.table), (error) => isDeltaError(error, 'CORRUPT_LOG'));
  });

  it('is refused where the table has not the feature', async () => {
    const log = createCountedLog();
    await log.commit(protocol(), metaData());
    const asked = checkpointTable(engine, log.table, { kind: 'v2' });
    await assert.rejects(
      asked,
      (error) => isDeltaError(error, 'UNSUPPORTED_WRITER') && /v2Checkpoint/.test(error.message),
    );
  });
});

async function tableOf(...actions: readonly Action[]): Promise<CountedLog> {
  const log = createCountedLog();
  await log.commit(featureProtocol(['v2Checkpoint', 'deletionVectors']), metaData(), ...actions);
  return log;
}

/** Files of one day. */
function daily(day: string, count: number): Action[] {
  return Array.from({ length: count }, (_, index) => add(`day=${day}/${index}`));
}

type Line = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

async function topLevel(log: CountedLog): Promise<Line[]> {
  const keys = await listKeys(log.store, logKey(log.table, ''));
  const { body } = await log.store.get(keys.findLast((key) => /\.checkpoint\..*\.json$/.test(key)) ?? '');
  return Buffer.from(body)
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** The keys of the sidecars that the newest checkpoint names. */
async function sidecars(log: CountedLog): Promise<string[]> {
  const lines = await topLevel(log);
  return lines.flatMap(({ sidecar }) =>
    sidecar === undefined ? [] : [logKey(log.table, `_sidecars/${sidecar.path}`)],
  );
}

function sizeOf(lines: readonly Line[]): number {
  return lines.reduce((sum, { sidecar }) => sum + Number(sidecar?.sizeInBytes ?? 0), 0);
}

function gets(log: CountedLog, key: string | undefined): { readonly get: number; readonly head: number } {
  const own = log.store.requests.filter((request) => request.key === key);
  return {
    get: own.filter(({ method }) => method === 'get').length,
    head: own.filter(({ method }) => method === 'head').length,
  };
}
