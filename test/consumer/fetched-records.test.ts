import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RecordsBatch } from '@platformatic/kafka';
import fc from 'fast-check';
import { readFetched } from '../../src/consumer/fetched-records.ts';

const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const LOG_APPEND_TIME = 0x08;
const MARKER = TRANSACTIONAL | CONTROL;

interface BatchFacts {
  readonly first: number;
  readonly count?: number;
  /** Offsets behind the last record, as compaction leaves them. */
  readonly gap?: number;
  readonly attributes?: number;
  readonly producer?: number;
  /** Of a marker: 0 for abort, 1 for commit. */
  readonly control?: number;
}

function batch({ first, count = 1, gap = 0, attributes = 0, producer = -1, control }: BatchFacts): RecordsBatch {
  const key = control === undefined ? Buffer.from('k') : Buffer.from([0, 0, 0, control]);
  const records = Array.from({ length: count }, (_, offsetDelta) => ({
    length: 0,
    attributes: 0,
    timestampDelta: BigInt(offsetDelta),
    offsetDelta,
    key,
    value: Buffer.from(`v${first + offsetDelta}`),
    headers: [],
  }));
  return {
    firstOffset: BigInt(first),
    length: 0,
    partitionLeaderEpoch: 0,
    magic: 2,
    crc: 0,
    attributes,
    lastOffsetDelta: count - 1 + gap,
    firstTimestamp: 1_000n,
    maxTimestamp: 5_000n,
    producerId: BigInt(producer),
    producerEpoch: 0,
    firstSequence: 0,
    records,
  };
}

const aborted = (...all: [producer: number, first: number][]) =>
  all.map(([producer, first]) => ({ producerId: BigInt(producer), firstOffset: BigInt(first) }));
const abort = (producer: number, first: number) => batch({ first, producer, attributes: MARKER, control: 0 });
const commit = (producer: number, first: number) => batch({ first, producer, attributes: MARKER, control: 1 });
const data = (producer: number, first: number, count = 1) =>
  batch({ first, count, producer, attributes: TRANSACTIONAL });

function offsetsOf(records: RecordsBatch[], abortedTransactions: ReturnType<typeof aborted> | null = null, from = 0) {
  const fetched = readFetched('web', 0, { records, abortedTransactions }, from);
  return { offsets: fetched.records.map(({ offset }) => offset), next: fetched.next };
}

describe('what was fetched', () => {
  it('becomes records, with all that Kafka knows of them', () => {
    const one = batch({ first: 7 });
    const headers: [Buffer | null, Buffer | null][] = [
      [Buffer.from('h'), Buffer.from([1])],
      [Buffer.from('h'), null],
    ];
    one.records = one.records.map((record) => ({ ...record, headers, value: null }));
    const { records } = readFetched('web', 3, { records: [one], abortedTransactions: null }, 0);
    assert.deepEqual(records, [
      {
        topic: 'web',
        partition: 3,
        offset: 7,
        timestamp: 1_000,
        timestampType: 'CREATE_TIME',
        key: new Uint8Array([107]),
        value: undefined,
        headers: [
          { key: 'h', value: new Uint8Array([1]) },
          { key: 'h', value: undefined },
        ],
      },
    ]);
    assert.equal(Buffer.isBuffer(records[0]?.key), false);
  });

  it('has the time of the broker where the broker sets it', () => {
    const own = batch({ first: 0, count: 2, attributes: LOG_APPEND_TIME });
    const { records } = readFetched('web', 0, { records: [own], abortedTransactions: null }, 0);
    assert.deepEqual(
      records.map(({ timestamp, timestampType }) => [timestamp, timestampType]),
      [
        [5_000, 'LOG_APPEND_TIME'],
        [5_000, 'LOG_APPEND_TIME'],
      ],
    );
  });

  it('has no time where a producer set none, or one that is no number here', () => {
    for (const firstTimestamp of [-1n, 2n ** 62n]) {
      const one = { ...batch({ first: 0 }), firstTimestamp };
      const { records } = readFetched('web', 0, { records: [one], abortedTransactions: null }, 0);
      assert.equal(records[0]?.timestamp, undefined);
    }
  });

  it('begins where it was asked to, though batches are whole', () => {
    assert.deepEqual(offsetsOf([batch({ first: 10, count: 5 })], null, 12), { offsets: [12, 13, 14], next: 15 });
  });

  it('goes on behind gaps and markers, and stays where it is when there is nothing', () => {
    assert.deepEqual(offsetsOf([batch({ first: 10, count: 2, gap: 8 })], null, 10), { offsets: [10, 11], next: 20 });
    assert.deepEqual(offsetsOf([commit(1, 20)], null, 20), { offsets: [], next: 21 });
    assert.deepEqual(offsetsOf([], null, 20), { offsets: [], next: 20 });
    assert.deepEqual(readFetched('web', 0, { records: null, abortedTransactions: null }, 20).next, 20);
  });

  it('leaves out an aborted transaction, and none beside it', () => {
    const batches = [
      data(1, 0, 2),
      data(2, 2),
      batch({ first: 3 }),
      abort(1, 4),
      data(1, 5),
      commit(1, 6),
      commit(2, 7),
    ];
    assert.deepEqual(offsetsOf(batches, aborted([1, 0])), { offsets: [2, 3, 5], next: 8 });
  });

  it('leaves out several aborted transactions of one producer', () => {
    const batches = [data(1, 0), abort(1, 1), data(1, 2), commit(1, 3), data(1, 4), abort(1, 5), data(1, 6)];
    assert.deepEqual(offsetsOf(batches, aborted([1, 4], [1, 0])), { offsets: [2, 6], next: 7 });
  });

  it('leaves out an aborted transaction that began before, or whose end is in a later fetch', () => {
    assert.deepEqual(offsetsOf([data(1, 10), abort(1, 11), data(1, 12)], aborted([1, 3]), 10), {
      offsets: [12],
      next: 13,
    });
    assert.deepEqual(offsetsOf([data(1, 10), data(2, 11), data(1, 12)], aborted([1, 10]), 10), {
      offsets: [11],
      next: 13,
    });
  });

  it('has a size that grows with the bytes', () => {
    const small = readFetched('web', 0, { records: [batch({ first: 0, count: 10 })], abortedTransactions: null }, 0);
    const wide = batch({ first: 0, count: 10 });
    wide.records = wide.records.map((record) => ({ ...record, value: Buffer.alloc(1_000) }));
    const large = readFetched('web', 0, { records: [wide], abortedTransactions: null }, 0);
    assert.ok(large.bytes - small.bytes > 9_900 && large.bytes - small.bytes < 10_000);
  });

  it('fails on offsets that are no exact numbers, and on formats that are unknown', () => {
    const far = { ...batch({ first: 0 }), firstOffset: 2n ** 53n };
    assert.throws(() => offsetsOf([far]), /beyond 2\^53 - 1/);
    assert.throws(() => offsetsOf([{ ...batch({ first: 0 }), magic: 1 }]), /unknown format 1/);
  });

  it('is the same, however a log of transactions is cut into fetches', () => {
    const steps = fc.array(
      fc.record({ producer: fc.integer({ min: 1, max: 3 }), kind: fc.constantFrom('data', 'data', 'commit', 'abort') }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5 }), (log, size) => {
        const { batches, transactions, committed } = play(log);
        const offsets: number[] = [];
        let from = 0;
        while (from < batches.length) {
          // A broker tells of all aborted transactions that have records in what it answers with.
          const part = batches.slice(from, from + size);
          const told = transactions.filter(({ first, last }) => first < from + size && last >= from);
          const fetched = offsetsOf(
            part,
            aborted(...told.map(({ producer, first }) => [producer, first] as [number, number])),
            from,
          );
          offsets.push(...fetched.offsets);
          from = fetched.next;
        }
        assert.deepEqual(offsets, committed);
      }),
    );
  });
});

interface AbortedRange {
  readonly producer: number;
  readonly first: number;
  readonly last: number;
}

/** A log with one record a batch; transactions that are open at its end are committed. */
function play(log: readonly { readonly producer: number; readonly kind: string }[]) {
  const batches: RecordsBatch[] = [];
  const transactions: AbortedRange[] = [];
  const committed: number[] = [];
  const open = new Map<number, number[]>();
  const end = (producer: number, isAbort: boolean) => {
    const offsets = open.get(producer);
    const [first] = offsets ?? [];
    if (offsets === undefined || first === undefined) return;
    open.delete(producer);
    const at = batches.length;
    batches.push(isAbort ? abort(producer, at) : commit(producer, at));
    if (isAbort) transactions.push({ producer, first, last: at });
    else committed.push(...offsets);
  };
  for (const { producer, kind } of log) {
    if (kind === 'data') {
      open.set(producer, [...(open.get(producer) ?? []), batches.length]);
      batches.push(data(producer, batches.length));
    } else {
      end(producer, kind === 'abort');
    }
  }
  for (const producer of [...open.keys()]) end(producer, false);
  return { batches, transactions, committed: committed.sort((a, b) => a - b) };
}
