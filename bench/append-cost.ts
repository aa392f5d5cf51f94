/** Measures one table size and prints an AppendCost as JSON: `node bench/append-cost.ts FILES`. */
import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serializeCommit } from '../src/delta/commit-file.ts';
import { commitKey } from '../src/delta/log-path.ts';
import { newTableActions } from '../src/delta/new-table.ts';
import { parseAppendConfig } from '../src/ingest/config.ts';
import { createAppendHandler } from '../src/ingest/handler.ts';
import { createRandom } from '../src/local/demo/random.ts';
import { webRequests } from '../src/local/demo/web-requests.ts';
import { WRITERS, writeFile } from '../src/local/demo/writers.ts';
import { s3Notification } from '../src/local/s3-event.ts';
import { createCheckpointReader } from '../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../src/storage/folder-store.ts';
import { countRequests, type Requests } from './count-requests.ts';

export interface AppendCost {
  /** Active files of the table before the first append. */
  readonly files: number;
  readonly cold: InvocationCost;
  /** Median of the warm invocations. */
  readonly warm: InvocationCost;
  /** Bytes. */
  readonly peakRss: number;
}

export interface InvocationCost extends Requests {
  readonly ms: number;
}

const NEW_FILES = 10;
const INVOCATIONS = 10;
/** Adds of one commit of the table's past. */
const ADDS_A_COMMIT = 10_000;
/** Time of these commits, s since the epoch: no event of the measurement can stand in them. */
const LONG_AGO = 1_700_000_000;
const BUCKET = 'bench';
const ROOT = 'web_requests';

const files = Number(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), 'resaca-bench-'));
try {
  process.stdout.write(`${JSON.stringify(await measure(files))}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(files: number): Promise<AppendCost> {
  const store = createFolderStore(folder);
  await makeTable(files);
  const counting = countRequests(store);
  const handle = createAppendHandler({
    storeFor: () => counting.store,
    urlOf: (bucket, root) => `s3://${bucket}/${root}`,
    reader: createCheckpointReader(),
    config: parseAppendConfig({}),
    telemetry: { log: () => {}, metrics: () => {} },
    now: Date.now,
    random: Math.random,
    sleep: (ms) => sleep(ms),
  });
  const body = writeFile(webRequests(createRandom(1), { rows: 1_000, from: Date.now(), userAgent: true }), WRITERS[0]);
  const costs: InvocationCost[] = [];
  for (let invocation = 0; invocation < INVOCATIONS; invocation++) {
    const messages: string[] = [];
    for (let file = 0; file < NEW_FILES; file++) {
      const key = `${ROOT}/ds=2026-11-24/new-${invocation}-${file}.parquet`;
      await store.put(key, body);
      const etag = (await store.head(key))?.etag ?? '';
      messages.push(s3Notification(BUCKET, { kind: 'created', key, size: body.byteLength, etag, time: Date.now() }));
    }
    const event = { Records: messages.map((body, index) => ({ messageId: String(index), body })) };
    counting.reset();
    const started = performance.now();
    const { batchItemFailures } = await handle(event, { getRemainingTimeInMillis: () => 60_000 });
    const ms = performance.now() - started;
    if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} messages failed`);
    costs.push({ ...counting.requests(), ms });
  }
  const [cold, ...warm] = costs;
  const median = warm.toSorted((a, b) => a.ms - b.ms)[warm.length >> 1];
  if (cold === undefined || median === undefined) throw new Error('no invocation was measured');
  return { files, cold, warm: median, peakRss: process.resourceUsage().maxRSS * 1024 };

  async function makeTable(count: number): Promise<void> {
    const table = { store, root: ROOT, url: `s3://${BUCKET}/${ROOT}` };
    const creation = newTableActions({
      schema: {
        type: 'struct',
        fields: ['request_id', 'ds'].map((name) => ({ name, type: 'string', nullable: true, metadata: {} })),
      },
      partitionColumns: ['ds'],
      configuration: {},
      id: crypto.randomUUID(),
      createdTime: 0,
    });
    for (let start = 0, version = 0; start < count; start += ADDS_A_COMMIT, version++) {
      const adds = Array.from({ length: Math.min(ADDS_A_COMMIT, count - start) }, (_, index) => ({
        add: {
          path: `ds=2026-11-23/part-${start + index}.parquet`,
          partitionValues: { ds: '2026-11-23' },
          size: 1_000_000,
          modificationTime: 0,
          dataChange: true,
          stats: '{"numRecords":1000}',
        },
      }));
      const key = commitKey(table, version);
      await store.putIfAbsent(key, serializeCommit([...(version === 0 ? creation : []), ...adds]));
      utimesSync(join(folder, key), LONG_AGO, LONG_AGO);
    }
  }
}
