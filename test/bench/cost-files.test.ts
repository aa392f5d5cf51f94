import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { landingFiles, landingKey } from '../../bench/cost/landing-files.ts';
import { payloadsOf } from '../../bench/kafka/payloads.ts';

const digest = (parts: Iterable<Uint8Array>): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

describe('what the cost benchmark makes', () => {
  it('is the same JSON for the same seed, and other JSON for another', () => {
    const of = (seed: number) => digest(payloadsOf('json', 1_000, seed));
    assert.equal(of(7), of(7));
    assert.notEqual(of(7), of(8));
  });

  it('has about 400 bytes in a record, by which its size is cut', () => {
    let bytes = 0;
    for (const value of payloadsOf('json', 5_000, 3)) bytes += value.length;
    assert.ok(Math.abs(bytes / 5_000 - 400) < 8, `${bytes / 5_000} bytes`);
  });

  it('is the same Parquet files for the same seed, and others for another', () => {
    const of = (seed: number) => digest(landingFiles(1, seed, 200).bodies);
    assert.equal(of(7), of(7));
    assert.notEqual(of(7), of(9));
  });

  it('is as many files as reach the size', () => {
    const { count, bytes, rows, bodies } = landingFiles(1e6, 1, 200);
    assert.ok(bytes >= 1e6);
    const last = bodies[(count - 1) % bodies.length]?.byteLength ?? 0;
    assert.ok(bytes - last < 1e6 + last);
    assert.equal(rows, count * 200);
    assert.equal(new Set(bodies.map((body) => digest([body]))).size, bodies.length);
  });

  it('has names that do not meet', () => {
    const keys = [0, 1, 999_999].flatMap((index) => [landingKey('t', index), landingKey('t', index, 'part-first')]);
    assert.equal(new Set(keys).size, keys.length);
    assert.equal(keys[0], 't/ds=2026-11-24/part-000000.parquet');
  });
});
