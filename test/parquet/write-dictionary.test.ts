import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parquetMetadata } from 'hyparquet';
import type { StructType } from '../../src/delta/schema.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';

const field = (name: string, type: 'string' | 'long' | 'double') => ({ name, type, nullable: true, metadata: {} });
const schema: StructType = {
  type: 'struct',
  fields: [
    field('id', 'long'),
    field('session', 'string'),
    field('took', 'double'),
    field('status', 'long'),
    field('method', 'string'),
  ],
};

/** The columns of a file that have a dictionary. */
async function withDictionary(rows: number): Promise<string[]> {
  const writer = new RowWriter(schema);
  for (let row = 0; row < rows; row++) {
    writer.append([row * 7, `session-${row * 31}`, row / 3, 200 + (row % 3), row % 2 === 0 ? 'GET' : 'PUT']);
  }
  const bytes = await writer.finish();
  const columns = parquetMetadata(Uint8Array.from(bytes).buffer).row_groups.flatMap((group) => group.columns);
  return columns.flatMap(({ meta_data: meta }) =>
    meta?.dictionary_page_offset === undefined ? [] : [meta.path_in_schema.join('.')],
  );
}

describe('dictionaries', () => {
  it('are left out for columns in which nearly every value is another one', async () => {
    assert.deepEqual(await withDictionary(6_000), ['status', 'method']);
  });

  it('are there in small files, of which too little is seen', async () => {
    assert.deepEqual(await withDictionary(100), ['id', 'session', 'took', 'status', 'method']);
  });
});
