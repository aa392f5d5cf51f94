import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseMedallionConfig } from '../../src/medallion/config.ts';
import { inOrder, layersOf, stepsTriggeredBy } from '../../src/medallion/graph.ts';
import { layOut } from '../../src/medallion/graph-layout.ts';

/** Gold before silver: the order in the file tells nothing. */
const { steps } = parseMedallionConfig(
  {
    steps: [
      { target: 'gold/sales', source: 'silver/orders', lookups: ['silver/customers'], sql: 'SELECT 1' },
      { target: 'gold/all', source: 'silver/orders', lookups: ['bronze/rates'], sql: 'SELECT 1', mode: 'replace' },
      { target: 'silver/orders', source: 'bronze/orders', sql: 'SELECT 1' },
      { target: 'silver/customers', source: 'bronze/customers', sql: 'SELECT 1' },
    ],
  },
  { landing: 'lake' },
);
const names = (found: readonly { readonly name: string }[]) => found.map(({ name }) => name);

describe('the graph of steps', () => {
  it('has each table in the layer of the longest way to it', () => {
    assert.deepEqual(Object.fromEntries(layersOf(steps)), {
      'lake/bronze/orders': 0,
      'lake/bronze/customers': 0,
      'lake/bronze/rates': 0,
      'lake/silver/orders': 1,
      'lake/silver/customers': 1,
      'lake/gold/sales': 2,
      'lake/gold/all': 2,
    });
  });

  it('orders steps behind those whose targets they read', () => {
    assert.deepEqual(names(inOrder(steps)), ['silver-orders', 'silver-customers', 'gold-sales', 'gold-all']);
  });

  it('has a table of rows that are kept out behind the source of their step, where one reads it', () => {
    const quality = [{ check: 'not-null', column: 'total', action: 'quarantine' }];
    const orders = { target: 'silver/orders', source: 'bronze/orders', sql: 'SELECT 1' };
    const again = { ...orders, name: 'again', source: 'silver/orders__quarantine' };
    const parsed = parseMedallionConfig({ steps: [again, { ...orders, quality }] }, { landing: 'lake' });
    assert.deepEqual(Object.fromEntries(layersOf(parsed.steps)), {
      'lake/bronze/orders': 0,
      'lake/silver/orders__quarantine': 1,
      'lake/silver/orders': 2,
    });
    const lines = layOut(parsed.steps).lines.map(({ step, from, to }) => [step.name, from.id, to.id]);
    assert.deepEqual(lines, [
      ['again', 'lake/silver/orders__quarantine', 'lake/silver/orders'],
      ['silver-orders', 'lake/bronze/orders', 'lake/silver/orders'],
      ['silver-orders', 'lake/bronze/orders', 'lake/silver/orders__quarantine'],
    ]);
  });

  it('tells which steps a commit makes run: of the source, and of lookups where all is computed anew', () => {
    assert.deepEqual(names(stepsTriggeredBy(steps, 'lake/silver/orders')), ['gold-sales', 'gold-all']);
    assert.deepEqual(names(stepsTriggeredBy(steps, 'lake/silver/customers')), []);
    assert.deepEqual(names(stepsTriggeredBy(steps, 'lake/bronze/rates')), ['gold-all']);
    assert.deepEqual(names(stepsTriggeredBy(steps, 'other/bronze/orders')), []);
  });
});
