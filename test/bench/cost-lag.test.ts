import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lagsOf } from '../../bench/cost/file-lag.ts';
import { createKeptResults } from '../../bench/cost/kept-results.ts';
import { type LagResult, quantilesOf } from '../../bench/cost/lag-tools.ts';
import type { Conditions } from '../../bench/cost/results.ts';
import { inTurn } from '../../bench/cost/turn.ts';
import { watchLog } from '../../bench/kafka/watch-log.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { add, protocol } from '../support/delta-log-builder.ts';

const lag = (median: number): LagResult & Conditions => ({
  ...{ contender: 'x', trigger: 'at once', records: 1, commits: 1, median, p99: 1, max: 1 },
  ...{ date: '2026-12-01T00:00:00Z', load: ['1', '1'], seed: 1, machine: 'm' },
});

describe('the quantiles of lags', () => {
  it('are values that were measured, in any order', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    assert.deepEqual(quantilesOf(values), { median: 100, p99: 198, max: 200 });
    assert.deepEqual(quantilesOf([7]), { median: 7, p99: 7, max: 7 });
  });
});

describe('the lags of files that land', () => {
  it('end with the commit by which as many rows are in the table as had landed', () => {
    const landed = [0, 10, 20, 30].map((at) => ({ at, rows: 5 }));
    const commits = [
      { at: 100, rows: 8 },
      { at: 60, rows: 12 },
    ];
    assert.deepEqual(lagsOf(landed, commits), [60, 50, 80, 70]);
    assert.throws(() => lagsOf(landed, [{ at: 60, rows: 12 }]), /12 rows are committed, and 15 have landed/);
  });
});

describe('kept results', () => {
  it('are in the file as soon as they are there, beside those that other processes put there', () => {
    const json = join(mkdtempSync(join(tmpdir(), 'resaca-kept-')), 'kept.json');
    const open = (from?: string) => createKeptResults({ json, from }, (measured) => JSON.stringify(measured));
    const [one, other] = [open(), open()];
    one.keep('lag', { bronze: lag(1) });
    other.keep('lag', { spark: lag(2) });
    one.keep('lag', { bronze: lag(3) });
    const kept = JSON.parse(readFileSync(json, 'utf8'));
    assert.deepEqual(kept.lag, { bronze: lag(3), spark: lag(2) });
    assert.deepEqual(createKeptResults({ json: undefined, from: json }, String).read(), kept);
  });
});

describe('a turn', () => {
  it('ends what was started in it when its time is over, and only that', async () => {
    const sleeper = () => spawn('sleep', ['60'], { stdio: 'ignore' });
    const before = sleeper();
    const started = inTurn(300, async () => {
      const [, signal] = await once(sleeper(), 'exit');
      return signal;
    });
    await assert.rejects(started, /stopped after 0.005 minutes/);
    assert.equal(before.exitCode ?? before.signalCode, null);
    before.kill();
  });

  it('gives the result, or the error, of what ends in time', async () => {
    assert.equal(await inTurn(60_000, async () => 1), 1);
    await assert.rejects(
      inTurn(60_000, async () => {
        throw new Error('its own');
      }),
      /its own/,
    );
  });
});

describe('a log that is watched', () => {
  it('gives each commit once, with the rows of its files', async () => {
    const store = createMemoryStore();
    const put = (version: number, ...lines: object[]) =>
      store.put(
        `t/_delta_log/${String(version).padStart(20, '0')}.json`,
        Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')),
      );
    const news = watchLog(store, 't');
    assert.deepEqual(await news(), []);
    await put(0, protocol());
    await put(1, add('ds=a%20b/1.parquet', { stats: '{"numRecords":5}' }), { commitInfo: {} });
    await store.put('t/_delta_log/_last_checkpoint', Buffer.from('{}'));
    assert.deepEqual(
      (await news()).map(({ files }) => files),
      [[], [{ path: 'ds=a b/1.parquet', rows: 5 }]],
    );
    await put(2, add('2.parquet'));
    assert.deepEqual(
      (await news()).map(({ files }) => files),
      [[{ path: '2.parquet', rows: 0 }]],
    );
    assert.deepEqual(await news(), []);
  });
});
