import { Admin, Consumer } from '@platformatic/kafka';
import { type Assignment, type AssignmentOptions, describeTopics, topicsOf } from './assignment.ts';

/** Heartbeats within a session; Kafka's advice is at most a third. */
const HEARTBEATS = 6;

/**
 * A member of a group by the classic protocol. The client answers heartbeats and joins again by itself after a rebalance;
 * when it gives that up, in a long outage, the next `refresh` does it.
 */
export function createGroup(options: AssignmentOptions): Assignment {
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

  return {
    async refresh() {
      const topics = await topicsOf(admin, options.isWanted);
      const described = describeTopics(topics);
      if (described.join() === joined) return;
      log('info', 'topics', { topics: described });
      member.topics.clear();
      member.topics.trackAll(...topics.map(({ topic }) => topic));
      // The leader of the group shares the partitions out by what it knows of the topics.
      member.clearMetadata();
      if (topics.length > 0) {
        await member.joinGroup();
      } else {
        await member.leaveGroup();
        options.onAssigned([]);
      }
      joined = described.join();
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
