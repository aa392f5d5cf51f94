import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isDeltaError } from '../../src/delta/errors.ts';
import { canonicalPath, decodePath, encodePath, fileId } from '../../src/delta/path.ts';

const S3 = { url: 's3://lake/sales/orders' };
const LOCAL = { url: '/data/my table' };

describe('encodePath', () => {
  const cases: readonly (readonly [key: string, path: string])[] = [
    ['part-0.parquet', 'part-0.parquet'],
    ['a/b/c.parquet', 'a/b/c.parquet'],
    ['p=a%2Fb/x.parquet', 'p=a%252Fb/x.parquet'],
    ['sp ace+plus%25pct', 'sp%20ace%2Bplus%2525pct'],
    ['é#h?q&a', '%C3%A9%23h%3Fq%26a'],
    ["'b(c)[d]@!$,;*", '%27b%28c%29%5Bd%5D%40%21%24%2C%3B%2A'],
    ['a:b', 'a%3Ab'],
    ['a~b_c-d.e', 'a~b_c-d.e'],
  ];
  for (const [key, path] of cases) {
    it(`encodes ${key}`, () => {
      assert.equal(encodePath(key), path);
      assert.equal(decodePath(path), key);
    });
  }

  it('is undone by decodePath, and leaves nothing that a URI reserves', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (key) => {
        const path = encodePath(key);
        assert.match(path, /^[A-Za-z0-9\-_.~%=/]*$/);
        assert.equal(decodePath(path), key);
      }),
    );
  });

  it('refuses half of a surrogate pair, which no object key can hold', () => {
    assert.throws(
      () => encodePath('a\ud800b'),
      (error) => isDeltaError(error, 'INVALID_SCHEMA'),
    );
  });
});

describe('decodePath', () => {
  it('decodes once', () => {
    assert.equal(decodePath('p=%25C3%25BC'), 'p=%C3%BC');
  });

  it('takes what Spark leaves unencoded', () => {
    assert.equal(decodePath('p=é%20z/a+b=c.parquet'), 'p=é z/a+b=c.parquet');
  });

  for (const path of ['100%', 'a%zz', '%C3(', '%ff']) {
    it(`refuses ${path}`, () => {
      assert.throws(
        () => decodePath(path),
        (error) => isDeltaError(error, 'CORRUPT_LOG') && error.data.path === path,
      );
    });
  }
});

describe('canonicalPath', () => {
  const cases: readonly (readonly [what: string, table: { url: string }, logged: string, canonical: string])[] = [
    ['a relative path', S3, 'p=1/a%20b.parquet', 'p=1/a b.parquet'],
    ['another spelling of it', S3, 'p%3D1/a%20b.parquet', 'p=1/a b.parquet'],
    ['an absolute URI under the root', S3, 's3://lake/sales/orders/p=1/a%20b.parquet', 'p=1/a b.parquet'],
    ['the scheme of Hadoop', S3, 's3a://lake/sales/orders/x.parquet', 'x.parquet'],
    ['the old scheme of Hadoop', S3, 's3n://lake/sales/orders/x.parquet', 'x.parquet'],
    ['a path without a scheme in the bucket', S3, '/sales/orders/x.parquet', 'x.parquet'],
    ['another table in the bucket', S3, 's3://lake/sales/orders2/x.parquet', 's3://lake/sales/orders2/x.parquet'],
    ['another bucket', S3, 's3a://other/sales/orders/x%20y.parquet', 's3://other/sales/orders/x y.parquet'],
    ['another scheme', S3, 'gs://lake/sales/orders/x.parquet', 'gs://lake/sales/orders/x.parquet'],
    ['a table at the root of a bucket', { url: 's3://lake' }, 's3://lake/x.parquet', 'x.parquet'],
    ['a table at the root of a bucket, with a slash', { url: 's3://lake/' }, 's3://lake/x.parquet', 'x.parquet'],
    ['a local path', LOCAL, '/data/my%20table/p=1/x.parquet', 'p=1/x.parquet'],
    ['a file URI', LOCAL, 'file:///data/my%20table/x.parquet', 'x.parquet'],
    ['a file URI with one slash', LOCAL, 'file:/data/my%20table/x.parquet', 'x.parquet'],
    ['a local file elsewhere', LOCAL, '/data/x.parquet', 'file:///data/x.parquet'],
    ['the same with a scheme', LOCAL, 'file:/data/x.parquet', 'file:///data/x.parquet'],
    ['a relative path with a colon in a later segment', S3, 'p=10:00/x.parquet', 'p=10:00/x.parquet'],
  ];
  for (const [what, table, logged, canonical] of cases) {
    it(`takes ${what}`, () => assert.equal(canonicalPath(table, logged), canonical));
  }

  it('gives the key back for every way to log it', () => {
    const key = fc
      .array(
        fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => !name.includes('/')),
        { minLength: 1 },
      )
      .map((segments) => segments.join('/'));
    fc.assert(
      fc.property(key, (key) => {
        assert.equal(canonicalPath(S3, encodePath(key)), key);
        assert.equal(canonicalPath(S3, `s3a://lake/sales/orders/${encodePath(key)}`), key);
        assert.equal(canonicalPath(LOCAL, `file:/data/my%20table/${encodePath(key)}`), key);
      }),
    );
  });
});

describe('fileId', () => {
  const dv = { storageType: 'u', pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^', offset: 4, sizeInBytes: 40, cardinality: 6 };

  it('tells a file from the same file with deleted rows', () => {
    assert.equal(fileId('x.parquet'), 'x.parquet');
    assert.notEqual(fileId('x.parquet', dv), fileId('x.parquet'));
  });

  it('tells two deletion vectors apart by their place', () => {
    assert.equal(fileId('x', dv), fileId('x', { ...dv, cardinality: 7 }));
    assert.notEqual(fileId('x', dv), fileId('x', { ...dv, offset: 5 }));
  });
});
