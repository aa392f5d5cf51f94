import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Txn } from '../../../src/delta/actions.ts';
import { backfillAppId, changesAppId, encodePosition } from '../../../src/medallion/position.ts';
import { stepPositions } from '../../../src/medallion/source/positions.ts';

function txns(...list: readonly Txn[]): ReadonlyMap<string, Txn> {
  return new Map(list.map((txn) => [txn.appId, txn]));
}

describe('the positions of a step', () => {
  const changes = { appId: changesAppId('orders', 'id-1'), version: encodePosition({ version: 7, files: 3 }) };
  const backfill = { appId: backfillAppId('orders', 'id-1'), version: encodePosition({ version: 6, files: 250 }) };
  const others = [
    { appId: changesAppId('orders-2', 'id-9'), version: 1 },
    { appId: 'kafka:orders:0', version: 5 },
  ];

  it('are those of its own source in its target', () => {
    assert.deepEqual(stepPositions(txns(...others, changes, backfill), 'orders', 'id-1'), {
      changes: { version: 7, files: 3 },
      backfill: { version: 6, files: 250 },
      otherSources: [],
    });
  });

  it('are none for a step that has not begun', () => {
    const none = { changes: undefined, backfill: undefined, otherSources: [] };
    assert.deepEqual(stepPositions(txns(...others), 'orders', 'id-1'), none);
  });

  it('tell of other tables that were at the place of the source', () => {
    const { otherSources } = stepPositions(txns(changes, backfill, ...others), 'orders', 'id-2');
    assert.deepEqual(otherSources, ['id-1']);
  });
});
