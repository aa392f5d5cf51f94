import {
  type BaseOptions,
  Consumer,
  FetchIsolationLevels,
  findErrorBy,
  ListOffsetTimestamps,
  ResponseError,
} from '@platformatic/kafka';
import { type FetchedRecords, readFetched } from './fetched-records.ts';
import { idOf, type Partition } from './partitions.ts';
import type { FetchRequestTopic, FetchResponse } from './protocol.ts';

/** How long a broker waits for news, ms; also how long a round takes when there are none. */
const MAX_WAIT = 500;
/** Most bytes of an answer of one broker, and in it of one partition. A larger batch of records comes alone. */
const MAX_BYTES = 8 * 2 ** 20;
const MAX_PARTITION_BYTES = 2 ** 20;
/** Far more than a broker waits; after it, another one may lead the partitions. ms. */
const REQUEST_TIMEOUT = 15_000;
/** `OFFSET_OUT_OF_RANGE`. */
const OUT_OF_RANGE = 1;

/** What a round found for one partition. */
export type Fetched =
  | { readonly partition: Partition; readonly kind: 'records'; readonly from: number; readonly fetched: FetchedRecords }
  /** The broker does not have the offset, or it is another topic of the same name. */
  | { readonly partition: Partition; readonly kind: 'lost-place'; readonly isNewTopic: boolean };

export interface Fetcher {
  /** One round: asks each broker once for the partitions that it leads. Throws what failed if nothing came of it. */
  fetch(partitions: readonly Partition[]): Promise<readonly Fetched[]>;
  /** The first offset that there is of each partition, and the one behind the last that may be read. */
  bounds(partitions: readonly Partition[]): Promise<ReadonlyMap<string, { earliest: number; latest: number }>>;
  close(): Promise<void>;
}

/**
 * Reads records. It has connections of its own: a broker answers the requests of a connection one after the other, and
 * heartbeats must not wait behind a fetch. Of the client it takes requests and answers, not its stream, which leaves out
 * who set a timestamp, and records of aborted transactions only in part.
 */
export function createFetcher(client: BaseOptions, group: string): Fetcher {
  const consumer = new Consumer({
    ...client,
    groupId: group,
    requestTimeout: REQUEST_TIMEOUT,
    retries: 0,
    autocommit: false,
  });
  consumer.on('error', () => undefined);

  async function plan(partitions: readonly Partition[]) {
    const topics = [...new Set(partitions.map(({ topic }) => topic))];
    consumer.topics.clear();
    consumer.topics.trackAll(...topics);
    const metadata = await consumer.metadata({ topics });
    const moved: Fetched[] = [];
    const requests = new Map<number, FetchRequestTopic[]>();
    const asked = new Map<string, { readonly partition: Partition; readonly from: number }>();
    for (const one of partitions) {
      const topic = metadata.topics.get(one.topic);
      const leader = topic?.partitions[one.partition]?.leader;
      if (topic === undefined || leader === undefined || !metadata.brokers.has(leader)) continue;
      if (one.topicId !== undefined && one.topicId !== topic.id) {
        moved.push({ partition: one, kind: 'lost-place', isNewTopic: true });
        one.topicId = topic.id;
        continue;
      }
      one.topicId = topic.id;
      const from = one.position;
      if (from === undefined) continue;
      const request = {
        partition: one.partition,
        currentLeaderEpoch: -1,
        lastFetchedEpoch: -1,
        fetchOffset: BigInt(from),
        partitionMaxBytes: MAX_PARTITION_BYTES,
      };
      const list = requests.get(leader) ?? [];
      requests.set(leader, list);
      list.push({ topicId: topic.id, partitions: [request] });
      asked.set(`${topic.id}/${one.partition}`, { partition: one, from });
    }
    return { moved, requests, asked };
  }

  function read(response: FetchResponse, asked: Awaited<ReturnType<typeof plan>>['asked']): Fetched[] {
    const found: Fetched[] = [];
    for (const { topicId, partitions } of response.responses) {
      for (const answer of partitions) {
        const request = asked.get(`${topicId}/${answer.partitionIndex}`);
        if (request === undefined) continue;
        const { partition, from } = request;
        if (answer.errorCode === OUT_OF_RANGE) found.push({ partition, kind: 'lost-place', isNewTopic: false });
        if (answer.errorCode !== 0) continue;
        partition.end = Number(answer.highWatermark);
        partition.readableEnd = Number(answer.lastStableOffset);
        const fetched = readFetched(partition.topic, partition.partition, answer, from);
        found.push({ partition, kind: 'records', from, fetched });
      }
    }
    return found;
  }

  return {
    async fetch(partitions) {
      const { moved, requests, asked } = await plan(partitions);
      const failures: unknown[] = [];
      const answers = [...requests].map(async ([node, topics]) => {
        try {
          const response = await consumer.fetch({
            node,
            topics,
            maxWaitTime: MAX_WAIT,
            minBytes: 1,
            maxBytes: MAX_BYTES,
            isolationLevel: FetchIsolationLevels.READ_COMMITTED,
          });
          return read(response, asked);
        } catch (error) {
          // Leaders move; what was known of the cluster may be outdated.
          consumer.clearMetadata();
          const answer = error instanceof ResponseError ? responseOf(error) : undefined;
          const found = answer === undefined ? [] : read(answer, asked);
          if (found.length === 0 && !isPassing(error)) failures.push(error);
          return found;
        }
      });
      const found = [...moved, ...(await Promise.all(answers)).flat()];
      if (found.length === 0 && failures.length > 0) throw failures[0];
      return found;
    },

    async bounds(partitions) {
      const topics = [...new Set(partitions.map(({ topic }) => topic))];
      const wanted = Object.fromEntries(
        topics.map((topic) => [topic, partitions.filter((one) => one.topic === topic).map((one) => one.partition)]),
      );
      const list = (timestamp: bigint) => consumer.listOffsets({ topics, partitions: wanted, timestamp });
      const [earliest, latest] = await Promise.all([
        list(ListOffsetTimestamps.EARLIEST),
        list(ListOffsetTimestamps.LATEST),
      ]);
      return new Map(
        partitions.map((one) => {
          const [first, last] = [earliest, latest].map((offsets) => offsets.get(one.topic)?.[one.partition]);
          if (first === undefined || last === undefined) throw new Error(`no offsets of ${idOf(one)} were told`);
          return [idOf(one), { earliest: Number(first), latest: Number(last) }];
        }),
      );
    },

    close: () => consumer.close(true),
  };
}

/** The answer that an error was made of: one bad partition in it says nothing of the others. */
function responseOf(error: ResponseError): FetchResponse | undefined {
  const { response } = error as ResponseError & { readonly response?: FetchResponse };
  return response?.responses === undefined ? undefined : response;
}

/** The session of fetches is renewed by the next round. */
function isPassing(error: unknown): boolean {
  const ids = ['FETCH_SESSION_ID_NOT_FOUND', 'INVALID_FETCH_SESSION_EPOCH', 'FETCH_SESSION_TOPIC_ID_ERROR'];
  return error instanceof Error && ids.some((id) => findErrorBy(error, 'apiId', id) !== null);
}
