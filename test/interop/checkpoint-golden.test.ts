import assert from 'node:assert/strict';
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { GOLDEN_TABLES } from '../delta/golden-catalogue.ts';
import { dropCommitsBefore, tableAt, writeCheckpoint } from '../support/interop/own-checkpoint.ts';
import { assertRows, enginesOf, findEngines } from '../support/interop/readers.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

/** Tables of delta-io/delta, written by Spark and by hand; they are not part of this repository. */
const GOLDEN = join(import.meta.dirname, '../../../shared/golden');
const reader = createCheckpointReader();
const found = await findEngines();
const folder = makeTempFolder();
/** Rows above which a table is counted instead of compared. */
const MAX_ROWS = 10_000;

describe('A golden table with a checkpoint of ours', { skip: found.skip ?? false }, () => {
  if (!existsSync(GOLDEN)) {
    it('reads as before', { skip: `optional: the folder ${GOLDEN} with the golden tables is not on this machine` });
    return;
  }
  for (const golden of GOLDEN_TABLES) {
    if ('error' in golden) continue;
    it(`${golden.name} reads as before`, async () => {
      const { readers, spark } = enginesOf(found);
      const before = join(folder, 'before', golden.name);
      const after = join(folder, 'after', golden.name);
      for (const target of [before, after]) cpSync(join(GOLDEN, golden.name), target, { recursive: true });
      await writeCheckpoint(after);
      dropCommitsBefore(after, golden.version);
      if (golden.rows > MAX_ROWS) {
        const count = (table: string) => spark.call('sql', { statement: `SELECT count(*) FROM delta.\`${table}\`` });
        assert.deepEqual(await count(after), await count(before));
        return;
      }
      let compared = 0;
      for (const { name, read } of readers) {
        const expected = await read(before).catch(() => undefined);
        // A reader that cannot read the table as it was has nothing to say.
        if (expected === undefined) continue;
        await assertRows({ readers: [{ name, read }] }, after, expected);
        compared++;
      }
      // Tables without data files (names only) are compared by their logs.
      if (compared === 0) await assertSameFiles(before, after);
    });
  }
});

async function assertSameFiles(before: string, after: string): Promise<void> {
  const [expected, result] = await Promise.all([before, after].map((path) => loadSnapshot(tableAt(path), reader)));
  assert.deepEqual(result?.metadata, expected?.metadata);
  assert.deepEqual(result?.protocol, expected?.protocol);
}
