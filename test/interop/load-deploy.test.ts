import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import avro from 'avsc';
import { bootstrap, type CdkOptions, deployStack, runCdk } from '../../scripts/local-aws/cdk.ts';
import { Deployment } from '../support/deployment.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

/** Time in ms for functions that are started cold on a busy machine. */
const PATIENCE = 120_000;
/** Rows of each file. */
const COUNT = 1_000;

const idsFrom = (first: number) => Array.from({ length: COUNT }, (_, index) => first + index);
const dayOf = (id: number) => `2026-11-2${id % 2}`;
const jsonLines = (first: number) =>
  idsFrom(first)
    .map((id) => JSON.stringify({ id, name: `row ${id}`, ds: dayOf(id) }))
    .join('\n');

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

/** The loader as it is deployed, beside the append function, on a local AWS. */
describe('the loader of a deployment', { skip: found.skip ?? false }, () => {
  it('makes rows of files of all formats, once each, and names the files that it cannot read', async () => {
    const { server, deltaRs } = available(found);
    const folder = makeTempFolder();
    const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
    const config = join(folder, 'load.json');
    const partitionBy = [{ name: 'ds', type: 'date' }];
    const rule = { prefix: 'in/{team}', table: 'lake/{team}', columns: { id: 'long' }, partitionBy };
    const suffixes = ['.csv', '.csv.gz', '.jsonl', '.jsonl.gz', '.jsonl.zst', '.avro'];
    writeFileSync(
      config,
      JSON.stringify({
        append: { batchingWindow: 1 },
        tables: [{ prefix: 'lake/{team}', partitionColumns: partitionBy }],
        loader: { rules: [{ ...rule, suffixes }] },
      }),
    );
    await bootstrap(cdk);
    const { outputs } = await deployStack({ config, stage: 'load' }, cdk);
    const { LoadQueueUrl = '', LoadDeadLetterQueueUrl = '' } = outputs;
    const deployment = new Deployment(server, outputs);

    const csv = (first: number) =>
      `id,name,ds\n${idsFrom(first)
        .map((id) => `${id},"row ${id}",${dayOf(id)}`)
        .join('\n')}\n`;
    const files: Readonly<Record<string, string | Uint8Array>> = {
      'a.jsonl': jsonLines(0),
      'b.jsonl.gz': gzipSync(jsonLines(COUNT)),
      'c.jsonl.zst': zstdCompressSync(jsonLines(2 * COUNT)),
      'd.csv': csv(3 * COUNT),
      'e.csv.gz': gzipSync(csv(4 * COUNT)),
      'f.avro': await avroFile(5 * COUNT),
      'bad.csv': 'id,name,ds\nx,bad,2026-11-20\n',
    };
    const put = async (only: readonly string[] = Object.keys(files)) => {
      for (const name of only) {
        const body = files[name] ?? '';
        await deployment.store.put(`in/web/${name}`, typeof body === 'string' ? new TextEncoder().encode(body) : body);
      }
    };
    const sql = async (statement: string): Promise<Rows['rows']> => {
      const storage = { ...server.env, AWS_ALLOW_HTTP: 'true' };
      const answer = await deltaRs.call('sql', { table: deployment.url('lake/web'), statement, storage });
      return (answer as Rows).rows;
    };
    await put();
    await eventually(async () => (await deployment.files('lake/web')).size === 12, 'two partitions of each file');
    // The same content once more is the same file.
    await put(['a.jsonl', 'bad.csv']);
    await deployment.untilDepth(LoadQueueUrl, 0);
    await deployment.untilDepth(deployment.queueUrl, 0);
    const total = 6 * COUNT;
    assert.deepEqual(await sql('SELECT count(*), count(DISTINCT id), sum(id), min(name), max(ds) FROM t'), [
      [String(total), String(total), String((total * (total - 1)) / 2), 'row 0', '2026-11-21'],
    ]);
    assert.equal((await deployment.files('lake/web')).size, 12);
    const reasons: unknown[] = [];
    for await (const { key } of deployment.store.list('lake/web/_resaca/quarantine/')) {
      const { body } = await deployment.store.get(key);
      reasons.push(JSON.parse(new TextDecoder().decode(body)).reason);
    }
    assert.deepEqual(reasons, ['TOO_MANY_REJECTED']);
    assert.equal(await deployment.depth(LoadDeadLetterQueueUrl), 0);
    await deployment.assertHandled(0);
    await runCdk(['destroy', '--force', '-c', `config=${config}`, '-c', 'stage=load'], cdk);
  });
});

async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(200)) if (await condition()) return;
  assert.fail(`waited in vain for ${what}`);
}
