import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { STREAMS } from '../../bench/cost/contenders.ts';
import { conclude } from '../../bench/cost/model.ts';
import { costChart, withTables } from '../../bench/cost/report.ts';
import type { CostReport } from '../../bench/cost/results.ts';
import { PRICES } from '../../src/cost/prices.ts';

const read = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');
const kept: CostReport = JSON.parse(read('cost-measured.json'));
/** With the prices and the model of now. */
const report: CostReport = { ...kept, ...conclude(kept, PRICES) };

describe('the results of the cost benchmark that are kept', () => {
  it('stand in docs/cost.md as they are', () => {
    const docs = read('cost.md');
    assert.equal(docs, withTables(docs, report));
    assert.deepEqual(
      [...docs.matchAll(/<!-- measured: (\w+) -->/g)].map(([, name]) => name),
      ['kafka', 'files', 'monthly', 'goals', 'lag', 'assumptions'],
    );
  });

  it('cannot stand in a table that is not known', () => {
    assert.throws(
      () => withTables('<!-- measured: x -->\n\n<!-- end -->', report),
      /no table x, expected kafka, files/,
    );
  });

  it('have the chart that is made of them', () => assert.equal(read('kafka-cost.svg'), costChart(report)));

  it('are of all contenders', () => {
    const { kafka, landing } = report;
    assert.deepEqual(Object.keys(kafka).sort(), Object.keys(STREAMS).sort());
    assert.ok(Object.keys(landing).length >= 2);
    // Whoever was not through says so.
    for (const { table, note, records } of Object.values(kafka)) {
      assert.ok(table.rows === records || /records|commits/.test(note ?? ''));
    }
  });
});
