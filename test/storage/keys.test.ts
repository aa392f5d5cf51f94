import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareKeys } from '../../src/storage/keys.ts';

describe('compareKeys', () => {
  it('orders any two keys as their UTF-8 bytes do', () => {
    const key = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(key, key, key, (stem, left, right) => {
        const bytes = Buffer.compare(Buffer.from(stem + left), Buffer.from(stem + right));
        assert.equal(Math.sign(compareKeys(stem + left, stem + right)), bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it('puts characters beyond U+FFFF last, unlike a comparison of strings', () => {
    assert.equal('\u{1f986}' < '\u{ffee}', true);
    assert.equal(compareKeys('\u{1f986}', '\u{ffee}') > 0, true);
  });
});
