import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PartitionFacts, type StartOffset, startOffset } from '../../src/consumer/start-offset.ts';

const broker = { earliest: 100, latest: 200, from: 'earliest' } as const;

describe('where a partition begins', () => {
  const cases: readonly (readonly [string, Partial<PartitionFacts>, StartOffset])[] = [
    ['behind the last offset of the table', { known: 149 }, { offset: 150, lost: 0 }],
    ['at the end when the table has all', { known: 199 }, { offset: 200, lost: 0 }],
    ['at the first record when the table has the one before', { known: 99 }, { offset: 100, lost: 0 }],
    ['at the first record when some are lost', { known: 89 }, { offset: 100, lost: 10, problem: 'RECORDS_LOST' }],
    ['at the first record of a shorter topic', { known: 200 }, { offset: 100, lost: 0, problem: 'TOPIC_MADE_ANEW' }],
    [
      'at the first record of a new topic, even a longer one',
      { known: 149, isNewTopic: true },
      { offset: 100, lost: 0, problem: 'TOPIC_MADE_ANEW' },
    ],
    ['at the first record without a table', { known: undefined }, { offset: 100, lost: 0 }],
    ['at the end without a table, if so told', { known: undefined, from: 'latest' }, { offset: 200, lost: 0 }],
    ['where the group is, if that is asked', { committed: 150, from: 'latest' }, { offset: 150, lost: 0 }],
    [
      'at the first record when the group is behind',
      { committed: 95 },
      { offset: 100, lost: 5, problem: 'RECORDS_LOST' },
    ],
    ['after the table when the group says otherwise', { known: 149, committed: 180 }, { offset: 150, lost: 0 }],
  ];
  for (const [name, facts, expected] of cases) {
    it(name, () => {
      assert.deepEqual(startOffset({ known: undefined, ...broker, ...facts }), expected);
    });
  }
});
