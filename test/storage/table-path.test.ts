import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatTablePath } from '../../src/storage/commits/table-path.ts';

describe('the name of a Delta table in the coordinator', () => {
  for (const [root, scheme, hadoop, url] of [
    ['lake/orders', 's3a', 's3a://b/lake/orders', 's3a://b/lake/orders'],
    ['lake/orders', 's3', 's3://b/lake/orders', 's3://b/lake/orders'],
    ['', 's3a', 's3a://b/', 's3a://b'],
    ['a b/é+1', 's3', 's3://b/a b/é+1', 's3://b/a%20b/%C3%A9+1'],
    ['100%/x=1/🦆', 's3n', 's3n://b/100%/x=1/🦆', 's3n://b/100%25/x=1/%F0%9F%A6%86'],
    [`q?#"<>{}\``, 's3', `s3://b/q?#"<>{}\``, 's3://b/q%3F%23%22%3C%3E%7B%7D%60'],
    ["(it's)&[1]|\\^~", 's3', "s3://b/(it's)&[1]|\\^~", "s3://b/(it's)&[1]|\\^~"],
  ] as const) {
    it(`of "${root}" under ${scheme} is spelt as Spark and as delta-rs do it`, () => {
      assert.equal(formatTablePath('b', root, { scheme, pathForm: 'hadoop' }), hadoop);
      assert.equal(formatTablePath('b', root, { scheme, pathForm: 'url' }), url);
    });
  }
});
