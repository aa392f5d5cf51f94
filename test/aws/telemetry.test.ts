import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const MODULE = join(import.meta.dirname, '../../src/aws/telemetry.ts');

interface Line {
  readonly message?: string;
  readonly _aws?: { readonly CloudWatchMetrics: readonly { readonly Dimensions: unknown }[] };
  readonly table?: string;
}

/** What the telemetry writes, in a process of its own: the metrics go to the console as it was at start. */
function written(options: object, table: string, values: object): Line[] {
  const script = `
    const { createTelemetry } = await import(${JSON.stringify(MODULE)});
    const telemetry = createTelemetry(${JSON.stringify({ service: 'append', logLevel: 'info', ...options })});
    telemetry.log('info', 'committed', { table: ${JSON.stringify(table)} });
    telemetry.log('debug', 'too much', {});
    telemetry.metrics(${JSON.stringify(table)}, ${JSON.stringify(values)});
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('the telemetry', () => {
  const values = { commits: 1, bytesAppended: 0, freshnessLag: 1_250 };

  it('writes metrics of the pipeline, with the table beside them', () => {
    const [log, metrics] = written({ pipeline: 'resaca-dev', metricsByTable: false }, 's3://b/orders', values);
    assert.equal(log?.message, 'committed');
    const { _aws, ...fields } = metrics ?? {};
    assert.deepEqual(fields, { service: 'append', pipeline: 'resaca-dev', table: 's3://b/orders', ...values });
    assert.deepEqual(_aws?.CloudWatchMetrics, [
      {
        Namespace: 'resaca',
        Dimensions: [['service', 'pipeline']],
        Metrics: [
          { Name: 'commits', Unit: 'Count' },
          { Name: 'bytesAppended', Unit: 'Bytes' },
          { Name: 'freshnessLag', Unit: 'Milliseconds' },
        ],
      },
    ]);
  });

  it('writes metrics of each table beside those of the pipeline where it is told to', () => {
    const [, metrics] = written({ pipeline: 'p', metricsByTable: true }, 's3://b/orders', values);
    assert.deepEqual(metrics?._aws?.CloudWatchMetrics[0]?.Dimensions, [
      ['service', 'pipeline'],
      ['service', 'pipeline', 'table'],
    ]);
    assert.equal(metrics?.table, 's3://b/orders');
  });
});
