import { Admin, type BaseOptions, Consumer } from '@platformatic/kafka';
import type { LogLevel } from '../ingest/telemetry.ts';
import type { TopicPartitions } from './partitions.ts';

export interface GroupOptions {
  readonly client: BaseOptions;
  readonly group: string;
  /** ms. */
  readonly sessionTimeout: number;
  /** Which of the cluster's topics are to be read. */
  isWanted(topic: string): boolean;
  onAssigned(assignment: readonly TopicPartitions[]): void;
  log(level: LogLevel, message: string, data?: Readonly<Record<string, unknown>>): void;
}

export interface OffsetOf {
  readonly topic: string;
  readonly partition: number;
  /** The offset behind it, as Kafka counts. */
  readonly offset: number;
}

/** The membership in a consumer group: who reads which partitions. */
export interface Group {
  /** Looks which topics there are, and joins anew when they or their partitions have changed. Throws the client's errors. */
  refresh(): Promise<void>;
  /** When the brokers last knew of this member, ms since the epoch. */
  lastSeen(): number | undefined;
  /** Tells tools that look at the group's lag how far the tables are. */
  commit(offsets: readonly OffsetOf[]): Promise<void>;
  /** What the group committed; nothing for partitions of which it did not. */
  committed(topic: string, partition: number): Promise<number | undefined>;
  leave(): Promise<void>;
}

/** Heartbeats within a session; Kafka's advice is at most a third. */
const HEARTBEATS = 6;

/**
 * A member of a group by the classic protocol. The client answers heartbeats and joins again by itself after a rebalance;
 * when it gives that up, in a long outage, the next `refresh` does it.
 */
export function createGroup(options: GroupOptions): Group {
  const { client, group, sessionTimeout, log } = options;
  const admin = new Admin(client);
  const member = new Consumer({
    ...client,
    groupId: group,
    sessionTimeout,
    rebalanceTimeout: sessionTimeout,
    heartbeatInterval: Math.round(sessionTimeout / HEARTBEATS),
    autocommit: false,
  });
  let joined: string | undefined;
  let lastSeen: number | undefined;

  member.on('consumer:group:join', ({ assignments = [] }) => {
    lastSeen = Date.now();
    options.onAssigned(assignments);
  });
  member.on('consumer:heartbeat:end', () => {
    lastSeen = Date.now();
  });
  member.on('consumer:heartbeat:error', ({ error }) => log('warn', 'heartbeat failed', { error }));
  member.on('error', (error) => {
    // The client has given up joining again.
    joined = undefined;
    log('warn', 'could not join the group again', { error });
  });

  async function describeTopics(): Promise<string[]> {
    const topics = (await admin.listTopics()).filter((topic) => options.isWanted(topic));
    if (topics.length === 0) return [];
    const metadata = await admin.metadata({ topics, forceUpdate: true });
    return topics.map((topic) => `${topic} ${metadata.topics.get(topic)?.partitionsCount ?? 0}`).sort();
  }

  return {
    async refresh() {
      const described = await describeTopics();
      const subscription = described.join(',');
      if (subscription === joined) return;
      log('info', 'topics', { topics: described });
      const topics = described.map((line) => line.slice(0, line.indexOf(' ')));
      member.topics.clear();
      member.topics.trackAll(...topics);
      // The leader of the group shares the partitions out by what it knows of the topics.
      member.clearMetadata();
      if (topics.length > 0) {
        await member.joinGroup();
      } else {
        await member.leaveGroup();
        options.onAssigned([]);
      }
      joined = subscription;
    },
    // Without topics there is no group to be in.
    lastSeen: () => (joined === '' ? Date.now() : lastSeen),
    async commit(offsets) {
      if (offsets.length === 0) return;
      // Otherwise the client would join the group for it.
      if (!member.isActive()) throw new Error('this member is not in the group at the moment');
      await member.commit({
        offsets: offsets.map(({ topic, partition, offset }) => ({
          topic,
          partition,
          offset: BigInt(offset),
          leaderEpoch: -1,
        })),
      });
    },
    async committed(topic, partition) {
      const offsets = await member.listCommittedOffsets({ topics: [{ topic, partitions: [partition] }] });
      const offset = offsets.get(topic)?.[partition];
      return offset === undefined || offset < 0n ? undefined : Number(offset);
    },
    async leave() {
      await Promise.all([member.close(true), admin.close()]);
    },
  };
}
