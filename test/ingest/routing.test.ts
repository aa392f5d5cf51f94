import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAppendConfig } from '../../src/ingest/config.ts';
import { routeKey } from '../../src/ingest/routing.ts';

function route(key: string, config: unknown = {}, bucket = 'b') {
  const result = routeKey(bucket, key, parseAppendConfig(config));
  return result.kind === 'table' ? `${result.root} | ${result.relative}` : result.reason;
}

describe('by the convention', () => {
  const cases: Record<string, string> = {
    'web/ds=2026-11-24/a.parquet': 'web | ds=2026-11-24/a.parquet',
    'lake/raw/web/ds=1/h=2/a.parquet': 'lake/raw/web | ds=1/h=2/a.parquet',
    'lake/raw/web/a.parquet': 'lake/raw/web | a.parquet',
    'a.parquet': ' | a.parquet',
    'ds=1/a.parquet': ' | ds=1/a.parquet',
    'web/_delta_log/00000000000000000000.json': 'hidden',
    'web/_delta_log/00000000000000000010.checkpoint.parquet': 'hidden',
    'web/ds=1/_temporary/0/a.parquet': 'hidden',
    'web/ds=1/.a.parquet.crc': 'hidden',
    'web/_SUCCESS': 'hidden',
    'web/_resaca/quarantine/x.json': 'hidden',
    'web/deletion_vector_7aa0c7f7-28d5-4f2e-96a6-2b1c4f2f9a11.bin': 'hidden',
    'web/xY/deletion_vector_7aa0c7f7-28d5-4f2e-96a6-2b1c4f2f9a11.bin': 'hidden',
    'web/ds=1/deletion_vector_1.parquet': 'web | ds=1/deletion_vector_1.parquet',
    'web/_day=1/a.parquet': 'web | _day=1/a.parquet',
    'web/ds=1/a.parquet._COPYING_': 'hidden',
    'web/ds=1/resaca-compacted-7aa0c7f7-28d5-4f2e-96a6-2b1c4f2f9a11.zstd.parquet': 'compacted',
    'web/ds=1/resaca-merged-7aa0c7f7-28d5-4f2e-96a6-2b1c4f2f9a11.zstd.parquet': 'compacted',
    'web/resaca-compacted-files/a.parquet': 'web/resaca-compacted-files | a.parquet',
    'web/ds=1/': 'folder',
    'web/ds=1_$folder$': 'folder',
  };
  for (const [key, expected] of Object.entries(cases)) {
    it(key, () => assert.equal(route(key), expected));
  }

  it('turned off, only rules count', () => assert.equal(route('web/a.parquet', { convention: 'none' }), 'unmapped'));
});

describe('by rules', () => {
  it('the first that fits wins over the convention', () => {
    const config = { tables: [{ prefix: 'lake/web', exclude: ['tmp/**'] }, { prefix: 'lake' }] };
    assert.equal(route('lake/web/x/ds=1/a.parquet', config), 'lake/web | x/ds=1/a.parquet');
    assert.equal(route('lake/webby/a.parquet', config), 'lake | webby/a.parquet');
    assert.equal(route('lake/web/tmp/x/a.parquet', config), 'excluded');
    assert.equal(route('other/ds=1/a.parquet', config), 'other | ds=1/a.parquet');
  });

  it('a {name} stands for one segment and makes a table for each', () => {
    const config = { tables: [{ prefix: 'tenants/{tenant}/orders/' }] };
    assert.equal(route('tenants/acme/orders/ds=1/a.parquet', config), 'tenants/acme/orders | ds=1/a.parquet');
    assert.equal(route('tenants/acme/items/a.parquet', config), 'tenants/acme/items | a.parquet');
  });

  it('the root may be a parent of the prefix', () => {
    const config = { tables: [{ prefix: 'web/incoming', root: 'web' }] };
    assert.equal(route('web/incoming/a.parquet', config), 'web | incoming/a.parquet');
  });

  it('deletion vectors are no files of the table', () => {
    const config = { tables: [{ prefix: 'web' }] };
    assert.equal(route('web/deletion_vector_7aa0c7f7-28d5-4f2e-96a6-2b1c4f2f9a11.bin', config), 'hidden');
  });

  it('only for their bucket', () => {
    const config = { convention: 'none', tables: [{ bucket: 'x', prefix: '' }] };
    assert.equal(route('a/b.parquet', config, 'x'), ' | a/b.parquet');
    assert.equal(route('a/b.parquet', config, 'y'), 'unmapped');
  });
});
