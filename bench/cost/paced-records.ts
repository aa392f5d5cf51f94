import { setTimeout as sleep } from 'node:timers/promises';
import { startKafkaProducer } from '../../test/support/kafka-producer.ts';
import { webRequests } from '../kafka/web-requests.ts';

/** Bytes of JSON a second. */
const RATE = 1e6;
/** After the time that counts, s: so that what came last in it does not wait for a window that no more records fill. */
const TAIL = 10;
/** How often records are sent, ms. */
const STEP = 200;

export interface PacedRecords {
  readonly bootstrap: string;
  readonly topic: string;
  readonly partitions: number;
  /** Nothing is sent for so long, ms, and then what counts for so many seconds. */
  readonly after: number;
  readonly seconds: number;
}

/** Web requests as JSON at 1 MB/s, whose `ts` is the time of the record in Kafka. Resolves with their number, and the last time that counts. */
export async function producePaced({ bootstrap, topic, partitions, after, seconds }: PacedRecords, seed: number) {
  const producer = await startKafkaProducer(bootstrap);
  await sleep(after);
  const requests = webRequests(Number.MAX_SAFE_INTEGER, seed);
  const started = Date.now();
  let records = 0;
  for (let bytes = 0; bytes < RATE * (seconds + TAIL); ) {
    const timestamp = Date.now();
    const due = Math.min(seconds + TAIL, (timestamp - started) / 1_000) * RATE;
    const batch = [];
    while (bytes < due) {
      const value = JSON.stringify({ ...requests.next().value, ts: new Date(timestamp).toISOString() });
      batch.push({ topic, partition: records % partitions, value, timestamp });
      bytes += value.length;
      records += 1;
    }
    if (batch.length > 0) await producer.send(batch);
    await sleep(STEP);
  }
  return { records, end: started + seconds * 1_000 };
}
