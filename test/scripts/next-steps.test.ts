import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextStepLines } from '../../scripts/local-aws/next-steps.ts';
import { createTerminal } from '../../src/cli/terminal.ts';

const { style } = createTerminal(process.stdout, process.stderr);
const place = { endpoint: 'http://127.0.0.1:9', env: { AWS_REGION: 'us-east-1' }, bucket: 'landing' };

describe('the next steps after npm run local', () => {
  it('let another file land beside the tables that are there, where the stack takes it', () => {
    for (const [table, key] of [
      ['orders', 'more/duckdb.parquet'],
      ['lake/raw/orders', 'lake/raw/more/duckdb.parquet'],
    ] as const) {
      const lines = nextStepLines({ ...place, table }, style);
      assert.ok(lines.includes(`curl -T test/fixtures/parquet/duckdb.parquet http://127.0.0.1:9/landing/${key}`));
      assert.ok(lines.includes(`npm run resaca -- inspect s3://landing/${table}`));
    }
  });

  it('leave open what is not known of tables with rules', () => {
    const lines = nextStepLines({ ...place, table: undefined }, style);
    assert.ok(lines.includes('curl -T FILE.parquet http://127.0.0.1:9/landing/TABLE/FILE.parquet'));
    assert.ok(lines.includes('export AWS_REGION=us-east-1'));
    assert.equal(
      lines.some((line) => line.includes('delta_scan')),
      false,
    );
  });
});
