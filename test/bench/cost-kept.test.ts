import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { conclude } from '../../bench/cost/model.ts';
import { costChart, reportText } from '../../bench/cost/report.ts';
import type { CostReport } from '../../bench/cost/results.ts';
import { PRICES } from '../../src/cost/prices.ts';

const read = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');
const kept: CostReport = JSON.parse(read('cost-measured.json'));
/** With the prices and the model of now. */
const report: CostReport = { ...kept, ...conclude(kept, PRICES) };

describe('the results of the cost benchmark that are kept', () => {
  it('stand in docs/cost.md as they are', () => {
    const docs = read('cost.md');
    const missing = reportText(report)
      .split('\n')
      .filter((line) => /^[|-] /.test(line) && !docs.includes(line));
    assert.deepEqual(missing, []);
  });

  it('have the chart that is made of them', () => assert.equal(read('kafka-cost.svg'), costChart(report)));

  it('are of all contenders', () => {
    const { kafka, landing } = report;
    assert.deepEqual(Object.keys(kafka?.results ?? {}).sort(), ['bronze', 'consumer', 'kafkaDeltaIngest', 'spark']);
    assert.ok((landing?.results.length ?? 0) >= 2);
    // Whoever was not through says so.
    for (const { table, note } of Object.values(kafka?.results ?? {})) {
      assert.ok(table.rows === kafka?.stage.records || /records|commits/.test(note ?? ''));
    }
  });
});
