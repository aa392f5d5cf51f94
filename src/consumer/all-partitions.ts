import { Admin } from '@platformatic/kafka';
import { type Assignment, type AssignmentOptions, describeTopics, topicsOf } from './assignment.ts';

/**
 * All partitions of the topics, without a member in the group: nothing is waited for and shared out, and one that was killed
 * leaves no member behind that others wait for. For a consumer that runs alone, as the offsets of two would be mixed up; the
 * tables take each record once in any case.
 */
export function createAllPartitions({ client, group, isWanted, onAssigned, log }: AssignmentOptions): Assignment {
  const admin = new Admin(client);
  let assigned: string | undefined;

  return {
    async refresh() {
      const topics = await topicsOf(admin, isWanted);
      const described = describeTopics(topics);
      if (described.join() === assigned) return;
      log('info', 'topics', { topics: described });
      onAssigned(topics.map(({ topic, partitions }) => ({ topic, partitions: [...Array(partitions).keys()] })));
      assigned = described.join();
    },
    lastSeen: Date.now,
    async commit(offsets) {
      if (offsets.length === 0) return;
      const topics = [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, list]) => ({
        name,
        partitionOffsets: list.map(({ partition, offset }) => ({ partition, offset: BigInt(offset) })),
      }));
      await admin.alterConsumerGroupOffsets({ groupId: group, topics });
    },
    async committed(topic, partition) {
      const topics = [{ name: topic, partitionIndexes: [partition] }];
      const [found] = await admin.listConsumerGroupOffsets({ groups: [{ groupId: group, topics }] });
      const offset = found?.topics[0]?.partitions[0]?.committedOffset;
      return offset === undefined || offset < 0n ? undefined : Number(offset);
    },
    leave: () => admin.close(),
  };
}
