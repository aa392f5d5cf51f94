import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { jsonObject } from '../../../src/cdf/text/json-text.ts';
import type { StructType } from '../../../src/delta/schema.ts';
import type { TableRef } from '../../../src/delta/table.ts';
import { createDuckDbEngine } from '../../../src/medallion/engine/session.ts';
import { parseFooter } from '../../../src/parquet/footer.ts';
import { bindColumns } from '../../../src/parquet/rewrite/bind-columns.ts';
import { openDataFile, readBatches } from '../../../src/parquet/rewrite/data-file.ts';
import { fileColumns } from '../../../src/parquet/schema.ts';
import { schemasAndRows, types } from '../../support/arbitrary-rows.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { createTable, MIB, openSession, outputOf, putBytes, putFile, relationOf } from './engine-world.ts';

/** DuckDB's writer takes both zeros for one, as SQL does. */
const MINUS_ZERO = /(?<=[:[,])-0(?=[,\]}])/g;

/** The rows of a file as this project's own reader has them, each as JSON. */
async function linesOf(table: TableRef, path: string, schema: StructType): Promise<string[]> {
  const key = `${table.root}/${path}`;
  const file = await openDataFile(table.store, key, (await table.store.head(key))?.size ?? 0);
  const bound = bindColumns(file.footer, schema, { dropUnknown: true });
  assert.deepEqual(bound.problems, []);
  const lines: string[] = [];
  for await (const { rowCount, columns } of readBatches(file, bound.fields)) {
    const line = jsonObject(schema, columns, { timestamps: 'epoch-micros', zone: 'UTC', binary: 'hex' });
    for (let row = 0; row < rowCount; row++) lines.push(line(row).replaceAll(MINUS_ZERO, '0'));
  }
  return lines.sort();
}

describe('values', () => {
  it('of every type are the same after they went through the engine', async () => {
    const engine = createDuckDbEngine({ tempDir: makeTempFolder(), memoryLimit: 256 * MIB });
    await fc.assert(
      fc.asyncProperty(schemasAndRows(types), async ({ schema, rows }) => {
        const table = createTable();
        const session = await engine.open();
        try {
          const file = await putFile(table, 'a.parquet', { schema, rows });
          await session.addRelation(relationOf(schema, [file]));
          const written = await session.write(outputOf(table, schema, 'SELECT * FROM source'));
          const lines = await Promise.all(written.map(({ path }) => linesOf(table, path, schema)));
          assert.deepEqual(lines.flat().sort(), await linesOf(table, 'a.parquet', schema));
        } finally {
          await session.close();
        }
      }),
      { numRuns: 40 },
    );
  });

  for (const writer of ['spark', 'delta-rs', 'duckdb', 'fastparquet', 'pandas', 'polars', 'pyarrow']) {
    it(`that ${writer} wrote are the same after they went through the engine`, async () => {
      const bytes = readFileSync(join(import.meta.dirname, `../../fixtures/parquet/${writer}.parquet`));
      // Columns of types that tables have.
      const { schema } = fileColumns(parseFooter(bytes), { int96: 'always' });
      const table = createTable();
      const session = await openSession();
      await session.addRelation(relationOf(schema, [await putBytes(table, 'a.parquet', bytes)]));
      const [written] = await session.write(outputOf(table, schema, 'SELECT * FROM source'));
      assert.deepEqual(await linesOf(table, written?.path ?? '', schema), await linesOf(table, 'a.parquet', schema));
    });
  }
});
