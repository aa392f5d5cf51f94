/**
 * What compacted commits (`<x>.<y>.compacted.json`) would save a reader: `node bench/log-compaction.ts [COMMITS...]`, 10 and
 * 100 if not given. A table of so many commits since its beginning, of one file each, is opened cold and its files are
 * listed: as it is, with one compacted file beside all commits, and with a checkpoint instead. Every request waits for 20 ms.
 */

import { createS3Client } from '../src/aws/clients.ts';
import { createS3Store } from '../src/aws/s3-store.ts';
import type { Action } from '../src/delta/actions.ts';
import { activeFiles, loadSnapshot } from '../src/delta/snapshot.ts';
import type { TableRef } from '../src/delta/table.ts';
import { createCheckpointReader } from '../src/parquet/checkpoint-reader.ts';
import { add, createLogBuilder, metaData, protocol } from '../test/support/delta-log-builder.ts';
import { startReadingEngines } from '../test/support/interop/reading-engines.ts';
import { startS3Server } from '../test/support/s3-server.ts';
import { startS3Proxy } from './s3-proxy.ts';

/** ms */
const LATENCY = 20;
const SHAPES = ['commits', 'compacted', 'checkpoint'] as const;
const STATS = JSON.stringify({ numRecords: 1000, minValues: { id: 1 }, maxValues: { id: 1000 }, nullCount: { id: 0 } });

const counts = process.argv.slice(2).map(Number);
const server = await startS3Server();
const bucket = await server.createBucket();
const proxy = await startS3Proxy(server.endpoint, LATENCY);
const { reading, spark } = await startReadingEngines({
  ...server.env,
  AWS_ENDPOINT_URL: proxy.endpoint,
  AWS_ENDPOINT_URL_S3: proxy.endpoint,
});
const client = createS3Client({
  region: server.env.AWS_REGION ?? '',
  endpoint: proxy.endpoint,
  credentials: {
    accessKeyId: server.env.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: server.env.AWS_SECRET_ACCESS_KEY ?? '',
  },
});

type Reader = (table: TableRef) => Promise<unknown>;
const READERS: Readonly<Record<string, Reader>> = {
  async resaca({ root, url }) {
    const table = { store: createS3Store({ client, bucket }), root, url };
    const snapshot = await loadSnapshot(table, createCheckpointReader());
    let files = 0;
    for await (const batch of activeFiles(snapshot, createCheckpointReader())) files += batch.length;
    return files;
  },
  'delta-rs': ({ url }) =>
    reading.call('python', { code: `import deltalake\nlen(deltalake.DeltaTable("${url}").file_uris())`, section: 'x' }),
  Spark: ({ url }) => spark.call('sql', { statement: `DESCRIBE DETAIL delta.\`${url.replace('s3:', 's3a:')}\`` }),
};

// Spark and the others load what they need with the first table.
const warm = await makeTable('warm', 2, 'commits');
for (const read of Object.values(READERS)) await read(warm);
for (const commits of counts.length === 0 ? [10, 100] : counts) {
  for (const shape of SHAPES) {
    const table = await makeTable(`${shape}-${commits}`, commits, shape);
    for (const [name, read] of Object.entries(READERS)) {
      proxy.takeRequests();
      const begin = performance.now();
      await read(table);
      const ms = Math.round(performance.now() - begin);
      const { get, head, list, received } = proxy.takeRequests();
      console.log(
        `${commits} commits, ${shape}: ${name} ${ms} ms, ${get} GET, ${head} HEAD, ${list} LIST, ${received} bytes`,
      );
    }
  }
}
process.exit(0);

async function makeTable(root: string, commits: number, shape: (typeof SHAPES)[number]): Promise<TableRef> {
  const store = createS3Store({ client: server.client(), bucket });
  const table: TableRef = { store, root, url: `s3://${bucket}/${root}` };
  const log = createLogBuilder(table);
  await log.commit(info(), protocol(), metaData());
  for (let commit = 1; commit <= commits; commit += 1) {
    await log.commit(info(), add(`part-${commit}.parquet`, { stats: STATS }));
  }
  if (shape === 'compacted') await log.compact(0, commits);
  if (shape === 'checkpoint') {
    await log.checkpoint(commits);
    await log.hint(commits);
  }
  return table;
}

function info(): Action {
  return {
    commitInfo: { timestamp: 0, operation: 'WRITE', operationParameters: { mode: 'Append' }, engineInfo: 'bench' },
  };
}
