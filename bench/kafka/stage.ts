/** What all contenders get: a topic on a real broker. And what is measured of each. */

import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { startKafkaBroker } from '../../test/support/kafka-broker.ts';
import { startKafkaProducer } from '../../test/support/kafka-producer.ts';
import { makeTempFolder } from '../../test/support/temp-folder.ts';
import type { S3Requests } from '../s3-proxy.ts';
import { type PayloadFormat, payloadsOf } from './payloads.ts';

export interface Stage {
  readonly bootstrap: string;
  /** 4 partitions with the records. */
  readonly topic: string;
  /** The same without a record, on which a contender shows what its start costs. */
  readonly emptyTopic: string;
  readonly records: number;
  /** Of all values. */
  readonly bytes: number;
  readonly format: PayloadFormat;
  /** A new folder that is removed at the end. */
  folder(): string;
}

export interface TableFacts {
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  readonly commits: number;
}

export interface Result {
  readonly contender: string;
  readonly storage: 'local S3' | 'local folder';
  /** Records a commit that were asked for. */
  readonly batch: number;
  /** Without the start, which is `startCpuMs`. */
  readonly cpuMs: number;
  readonly startCpuMs: number;
  readonly wallMs: number;
  readonly peakRss: number;
  readonly table: TableFacts;
  /** Of the storage, where they are counted; without the start. */
  readonly requests?: S3Requests;
  /** What else is worth a line. */
  readonly note?: string;
}

const PARTITIONS = 4;
/** Records that are sent at once. */
const SENT = 20_000;

/** Starts a broker and fills a topic. Throws `UnavailableError` without Java, Maven or Maven Central. */
export async function setStage(
  format: PayloadFormat,
  records: number,
  seed?: number,
): Promise<Stage & { stop(): Promise<void> }> {
  const broker = await startKafkaBroker({ properties: { 'message.max.bytes': '10485760' } });
  const producer = await startKafkaProducer(broker.bootstrap);
  const [topic, emptyTopic] = ['web', 'empty'];
  for (const name of [topic, emptyTopic]) await broker.createTopic(name, { partitions: PARTITIONS });
  let bytes = 0;
  let sent = 0;
  let batch: { topic: string; partition: number; value: Buffer }[] = [];
  for (const value of payloadsOf(format, records, seed)) {
    bytes += value.length;
    batch.push({ topic, partition: sent % PARTITIONS, value });
    sent += 1;
    if (batch.length < SENT && sent < records) continue;
    await producer.send(batch);
    batch = [];
  }
  const { bootstrap } = broker;
  return { bootstrap, topic, emptyTopic, records, bytes, format, folder: makeTempFolder, stop: () => broker.stop() };
}

/** What is in a table. */
export async function readTable(store: ObjectStore, root: string): Promise<TableFacts> {
  const reader = createCheckpointReader();
  const snapshot = await loadSnapshot({ store, root, url: root }, reader);
  let [rows, files, bytes] = [0, 0, 0];
  for await (const batch of activeFiles(snapshot, reader, { stats: true })) {
    for (const { size, stats } of batch) {
      files += 1;
      bytes += size;
      rows += Number(JSON.parse(stats ?? '{}').numRecords);
    }
  }
  return { rows, files, bytes, commits: snapshot.version + 1 };
}
