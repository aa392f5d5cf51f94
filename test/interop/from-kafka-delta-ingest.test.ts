import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { startKafkaBroker } from '../support/kafka-broker.ts';
import { startKafkaProducer } from '../support/kafka-producer.ts';
import { unpackPeer } from '../support/peers.ts';
import { type RunningCli, startCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';
import { waitFor } from '../support/wait-for.ts';

const [peer, reader] = await Promise.all([resource(() => unpackPeer('kafka-delta-ingest')), resource(startDeltaRs)]);
const kafka = await resource(async () => {
  available(peer);
  const broker = await startKafkaBroker();
  return { broker, producer: await startKafkaProducer(broker.plaintext) };
});

const TOPIC = 'orders';
const BATCH = 500;

/** docs/from-kafka-delta-ingest.md, "Taking over a table": the steps that it names, with the program itself. */
describe('a table of kafka-delta-ingest', { skip: kafka.skip ?? reader.skip ?? false }, () => {
  const { broker, producer } = available(kafka);
  const running: (ChildProcess | RunningCli)[] = [];
  after(async () => {
    for (const one of running) ('child' in one ? one.child : one).kill('SIGKILL');
    await broker.stop();
  });

  it('is taken over where its offsets end, while records arrive: each is there once', async () => {
    const folder = makeTempFolder();
    const table: TableRef = { store: createFolderStore(folder), root: TOPIC, url: join(folder, TOPIC) };
    await createTable(table);
    await broker.createTopic(TOPIC, { partitions: 2 });

    // Killed between two commits or in one: it does not end by itself.
    const theirs = spawn(
      available(peer),
      [
        ...['ingest', TOPIC, `file://${table.url}`, '-k', broker.plaintext, '-a', 'orders-app', '-g', 'theirs'],
        ...['-o', 'earliest', '-l', '300', '-m', '200', '-b', '1'],
      ],
      { stdio: 'ignore' },
    );
    running.push(theirs);
    await send(0);
    await rowsAre(table, 400);
    await send(1);
    theirs.kill('SIGKILL');

    const config = {
      brokers: [broker.plaintext],
      storage: { folder },
      group: 'ours',
      topics: [TOPIC],
      tables: {
        topics: [{ topic: TOPIC, table: TOPIC, format: 'json', continueFrom: 'orders-app', schemaPolicy: 'fixed' }],
      },
      flush: { latency: 200 },
      http: { host: '127.0.0.1', port: 0 },
    };
    const ours = startCli(['kafka'], { env: { RESACA_KAFKA_CONFIG: JSON.stringify(config) } });
    running.push(ours);
    await send(2);
    await rowsAre(table, 3 * BATCH);
    ours.child.kill('SIGTERM');
    assert.equal((await ours.result).code, 0);

    assert.deepEqual(await query(table, 'SELECT count(*), count(DISTINCT id), min(id), max(id) FROM t'), [
      [String(3 * BATCH), String(3 * BATCH), '0', String(3 * BATCH - 1)],
    ]);
  });

  async function send(batch: number): Promise<void> {
    const ids = Array.from({ length: BATCH }, (_, index) => batch * BATCH + index);
    await producer.send(
      ids.map((id) => ({ topic: TOPIC, partition: id % 2, value: JSON.stringify({ id, name: `order ${id}` }) })),
    );
  }

  const rowsAre = (table: TableRef, least: number) =>
    waitFor(async () => Number((await query(table, 'SELECT count(*) FROM t'))[0]?.[0]) >= least, `${least} rows`);

  async function query({ url }: TableRef, statement: string) {
    const { rows } = (await available(reader).call('sql', { table: url, statement })) as Rows;
    return rows;
  }
});

async function createTable(table: TableRef): Promise<void> {
  const field = (name: string, type: 'long' | 'string') => ({ name, type, nullable: true, metadata: {} });
  const actions = newTableActions({
    schema: { type: 'struct', fields: [field('id', 'long'), field('name', 'string')] },
    partitionColumns: [],
    configuration: {},
    id: randomUUID(),
    createdTime: Date.now(),
  });
  await table.store.put(commitKey(table, 0), serializeCommit(actions));
}
