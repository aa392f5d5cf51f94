import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPartitions, isReadable, type Partitions, settledOffset } from '../../src/consumer/partitions.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';

const NOW = 1_000;

/** Records with the offsets from `first` to before `end`. */
function kafkaRecords(first: number, end: number): KafkaRecord[] {
  const rest = { timestamp: 0, timestampType: 'CREATE_TIME', key: undefined, value: undefined, headers: [] } as const;
  return Array.from({ length: end - first }, (_, index) => ({
    topic: 'web',
    partition: 0,
    offset: first + index,
    ...rest,
  }));
}

function fetched(first: number, end: number, bytes = end - first) {
  return { records: kafkaRecords(first, end), next: end, bytes };
}

/** Partitions of the topic web, each at offset 0. */
function withPartitions(...numbers: number[]) {
  const partitions = createPartitions();
  partitions.assign([{ topic: 'web', partitions: numbers }]);
  for (const one of partitions.all()) one.position = 0;
  return { partitions, at: (number: number) => find(partitions, number) };
}

function find(partitions: Partitions, number: number) {
  const found = partitions.all().find(({ partition }) => partition === number);
  assert.ok(found);
  return found;
}

const offsets = (taken: ReturnType<Partitions['take']>) =>
  taken.map(({ partition, records }) => [partition, ...records.map(({ offset }) => offset)]);
const soon = () => NOW;

describe('the partitions of a consumer', () => {
  it('keep what was read until it is taken', () => {
    const { partitions, at } = withPartitions(0, 1);
    partitions.append(at(0), 0, fetched(0, 2), NOW);
    partitions.append(at(0), 2, fetched(2, 3), NOW + 5);
    partitions.append(at(1), 0, fetched(0, 1), NOW + 9);
    assert.deepEqual(partitions.waiting(NOW), { records: 4, bytes: 4, oldest: NOW });
    assert.deepEqual(offsets(partitions.take(NOW)), [
      [0, 0, 1, 2],
      [1, 0],
    ]);
    assert.deepEqual(partitions.waiting(NOW), { records: 0, bytes: 0, oldest: undefined });
    assert.deepEqual(partitions.buffered(), { records: 4, bytes: 4, oldest: NOW });
    partitions.settle([], soon);
    assert.deepEqual(partitions.buffered(), { records: 0, bytes: 0, oldest: undefined });
  });

  it('go on behind what was read, also where there was nothing to keep', () => {
    const { partitions, at } = withPartitions(0);
    partitions.append(at(0), 0, { records: [], next: 7, bytes: 0 }, NOW);
    assert.equal(at(0).position, 7);
    assert.equal(settledOffset(at(0)), 7);
  });

  it('drop what a round brings that was asked for elsewhere', () => {
    const { partitions, at } = withPartitions(0);
    const before = at(0);
    partitions.append(at(0), 5, fetched(5, 6), NOW);
    assert.equal(partitions.buffered().records, 0);
    partitions.assign([]);
    partitions.assign([{ topic: 'web', partitions: [0] }]);
    at(0).position = 0;
    partitions.append(before, 0, fetched(0, 1), NOW);
    assert.equal(partitions.buffered().records, 0);
    assert.equal(partitions.has(before), false);
  });

  it('that stay through a rebalance keep what was read; those that go drop it, and come back without a place', () => {
    const { partitions, at } = withPartitions(0, 1);
    partitions.append(at(0), 0, fetched(0, 2), NOW);
    partitions.append(at(1), 0, fetched(0, 3), NOW);
    const { added, dropped } = partitions.assign([{ topic: 'web', partitions: [0, 2] }]);
    assert.deepEqual(
      added.map(({ partition }) => partition),
      [2],
    );
    assert.equal(dropped, 3);
    assert.equal(at(0).records.length, 2);
    partitions.assign([{ topic: 'web', partitions: [0, 1] }]);
    assert.equal(at(1).position, undefined);
    assert.equal(at(1).records.length, 0);
  });

  it('remember of which topic they were when they come back', () => {
    const { partitions, at } = withPartitions(0);
    at(0).topicId = 'old';
    partitions.assign([]);
    partitions.assign([{ topic: 'web', partitions: [0, 1] }]);
    assert.deepEqual([at(0).topicId, at(1).topicId], ['old', undefined]);
  });

  it('that go while they are written are not settled, when they are back meanwhile', () => {
    const { partitions, at } = withPartitions(0);
    partitions.append(at(0), 0, fetched(0, 2), NOW);
    const taken = partitions.take(NOW);
    partitions.assign([]);
    partitions.assign([{ topic: 'web', partitions: [0] }]);
    partitions.settle(taken, soon);
    assert.equal(at(0).records.length, 0);
    assert.equal(at(0).failures, 0);
  });

  it('keep what failed, in order before what came since, and wait', () => {
    const { partitions, at } = withPartitions(0, 1);
    partitions.append(at(0), 0, fetched(0, 3), NOW);
    partitions.append(at(1), 0, fetched(0, 1), NOW);
    const [first] = partitions.take(NOW);
    partitions.append(at(0), 3, fetched(3, 5), NOW + 100);
    partitions.settle(first ? [first] : [], (failures) => NOW + 500 * failures);
    assert.equal(settledOffset(at(0)), 0);
    assert.equal(settledOffset(at(1)), 1);
    assert.deepEqual([at(0).failures, at(1).failures], [1, 0]);
    assert.deepEqual(partitions.buffered(), { records: 5, bytes: 5, oldest: NOW });
    assert.deepEqual(offsets(partitions.take(NOW + 499)), []);
    assert.deepEqual(offsets(partitions.take(NOW + 500)), [[0, 0, 1, 2, 3, 4]]);
    partitions.settle([], soon);
    assert.deepEqual([at(0).failures, at(0).retryAt, settledOffset(at(0))], [0, 0, 5]);
  });

  it('keep a record whole and once, of which rows for several tables failed', () => {
    const { partitions, at } = withPartitions(0);
    partitions.append(at(0), 0, fetched(0, 4), NOW);
    const read = at(0).records;
    partitions.take(NOW);
    const part = { topic: 'web', partition: 0, records: kafkaRecords(1, 3).map((one) => ({ ...one, decoded: [] })) };
    partitions.settle([part, { ...part, records: part.records.slice(1) }], soon);
    assert.deepEqual(at(0).records, [read[1], read[2]]);
    assert.equal(at(0).records[0], read[1]);
  });

  it('are not read while they fail, unless there is nothing of them in memory and their time has come', () => {
    const { partitions, at } = withPartitions(0);
    assert.equal(isReadable(at(0), NOW), true);
    partitions.append(at(0), 0, fetched(0, 2), NOW);
    partitions.settle(partitions.take(NOW), () => NOW + 10);
    assert.equal(isReadable(at(0), NOW + 20), false);
    partitions.assign([{ topic: 'web', partitions: [0, 1] }]);
    partitions.makeRoom(0);
    assert.equal(isReadable(at(0), NOW), false);
    assert.equal(isReadable(at(0), NOW + 20), true);
    at(0).position = undefined;
    assert.equal(isReadable(at(0), NOW + 20), false);
  });

  it('that fail make room for others, the largest first, and are read again from where they were', () => {
    const { partitions, at } = withPartitions(0, 1, 2);
    partitions.append(at(0), 0, fetched(0, 2, 20), NOW);
    partitions.append(at(1), 0, fetched(0, 3, 30), NOW);
    partitions.settle(partitions.take(NOW), () => NOW + 10);
    assert.deepEqual(partitions.makeRoom(50), []);
    assert.deepEqual(
      partitions.makeRoom(40).map(({ partition }) => partition),
      [1],
    );
    assert.deepEqual([at(1).position, at(1).records.length, at(0).records.length], [0, 0, 2]);
    assert.equal(partitions.buffered().bytes, 20);
  });

  it('make no room when all fail: there is nobody to make it for', () => {
    const { partitions, at } = withPartitions(0);
    partitions.append(at(0), 0, fetched(0, 2, 20), NOW);
    partitions.settle(partitions.take(NOW), () => NOW + 10);
    assert.deepEqual(partitions.makeRoom(0), []);
    assert.equal(at(0).records.length, 2);
  });
});
