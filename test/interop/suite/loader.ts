import assert from 'node:assert/strict';
import { it } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import avro from 'avsc';
import { eventually, type SuitePart } from './suite.ts';

/** Rows of each file. */
const COUNT = 1_000;
const PARTITIONS = [{ name: 'ds', type: 'date' as const }];
const TABLE = 'loaded/web';

/** CSV, JSON lines and Avro that become rows. */
export const loader: SuitePart = {
  name: 'the loader',
  config: {
    landing: { prefixes: ['loaded'] },
    tables: [{ prefix: 'loaded/{team}', partitionColumns: PARTITIONS }],
    loader: {
      rules: [
        {
          prefix: 'in/{team}',
          table: 'loaded/{team}',
          columns: { id: 'long' },
          partitionBy: PARTITIONS,
          suffixes: ['.csv', '.csv.gz', '.jsonl', '.jsonl.gz', '.jsonl.zst', '.avro'],
        },
      ],
    },
  },

  beside(suite) {
    it('makes rows of files of all formats, once each, and names the files that it cannot read', async () => {
      const { stack, sql, handled } = suite();
      const files = await sourceFiles();
      const put = async (names: readonly string[]) => {
        for (const name of names) await stack.store.put(`in/web/${name}`, Buffer.from(files[name] ?? ''));
      };
      await put(Object.keys(files));
      await eventually(async () => (await stack.files(TABLE)).size === 12, 'two partitions of each file');
      // The same content once more is the same file.
      await put(['a.jsonl', 'bad.csv']);
      await handled('LoadQueueUrl', 'GroupingQueueUrl', 'QueueUrl');
      const total = 6 * COUNT;
      assert.deepEqual(await sql(TABLE, 'SELECT count(*), count(DISTINCT id), sum(id), min(name), max(ds) FROM t'), [
        [String(total), String(total), String((total * (total - 1)) / 2), 'row 0', '2026-11-21'],
      ]);
      assert.equal((await stack.files(TABLE)).size, 12);
      const reasons: unknown[] = [];
      for await (const { key } of stack.store.list(`${TABLE}/_resaca/quarantine/`)) {
        const { body } = await stack.store.get(key);
        reasons.push(JSON.parse(new TextDecoder().decode(body)).reason);
      }
      assert.deepEqual(reasons, ['TOO_MANY_REJECTED']);
    });
  },
};

const idsFrom = (first: number) => Array.from({ length: COUNT }, (_, index) => first + index);
const dayOf = (id: number) => `2026-11-2${id % 2}`;
const jsonLines = (first: number) =>
  idsFrom(first)
    .map((id) => JSON.stringify({ id, name: `row ${id}`, ds: dayOf(id) }))
    .join('\n');
const csv = (first: number) =>
  `id,name,ds\n${idsFrom(first)
    .map((id) => `${id},"row ${id}",${dayOf(id)}`)
    .join('\n')}\n`;

async function sourceFiles(): Promise<Readonly<Record<string, string | Uint8Array>>> {
  return {
    'a.jsonl': jsonLines(0),
    'b.jsonl.gz': gzipSync(jsonLines(COUNT)),
    'c.jsonl.zst': zstdCompressSync(jsonLines(2 * COUNT)),
    'd.csv': csv(3 * COUNT),
    'e.csv.gz': gzipSync(csv(4 * COUNT)),
    'f.avro': await avroFile(5 * COUNT),
    'bad.csv': 'id,name,ds\nx,bad,2026-11-20\n',
  };
}

/** An Avro file as the library writes it. */
function avroFile(first: number): Promise<Buffer> {
  const fields = [
    { name: 'id', type: 'long' },
    { name: 'name', type: ['null', 'string'] },
    { name: 'ds', type: 'string' },
  ];
  const encoder = new avro.streams.BlockEncoder(
    { type: 'record', name: 'r', fields } as unknown as avro.Schema,
    { codec: 'deflate', wrapUnions: false } as never,
  );
  const pieces: Buffer[] = [];
  encoder.on('data', (piece: Buffer) => pieces.push(piece));
  const done = new Promise<Buffer>((resolve) => encoder.on('end', () => resolve(Buffer.concat(pieces))));
  for (const id of idsFrom(first)) encoder.write({ id, name: `row ${id}`, ds: dayOf(id) });
  encoder.end();
  return done;
}
