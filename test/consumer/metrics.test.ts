import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMetrics, labels } from '../../src/consumer/metrics.ts';

const idle = { problem: undefined, partitions: [], bufferedRecords: 0, bufferedBytes: 0 };

/** Samples, as `name{labels}` to value. */
function parse(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe("the consumer's metrics", () => {
  it('sum up what happened to tables and topics', () => {
    const metrics = createMetrics();
    metrics.table('s3://lake/web', { recordsWritten: 5, bytesAppended: 100, commits: 1, freshnessLag: 2_500 });
    metrics.table('s3://lake/web', { recordsWritten: 2, quarantined: 1, skipped: 4, conflicts: 3, freshnessLag: 500 });
    metrics.table('s3://lake/orders', { failures: 1 });
    metrics.read('web', 7, 700);
    metrics.lost('web', 9);
    metrics.flushed('latency', 250);
    metrics.flushed('latency', 500);
    metrics.fetchFailed();
    metrics.rebalanced();
    const samples = parse(metrics.render(idle));
    const expected: Record<string, number> = {
      'resaca_records_written_total{table="s3://lake/web"}': 7,
      'resaca_bytes_written_total{table="s3://lake/web"}': 100,
      'resaca_commits_total{table="s3://lake/web"}': 1,
      'resaca_commit_conflicts_total{table="s3://lake/web"}': 3,
      'resaca_dead_letters_total{table="s3://lake/web"}': 1,
      'resaca_duplicates_total{table="s3://lake/web"}': 4,
      'resaca_write_failures_total{table="s3://lake/web"}': 0,
      'resaca_write_failures_total{table="s3://lake/orders"}': 1,
      'resaca_freshness_lag_seconds{table="s3://lake/web"}': 0.5,
      'resaca_records_read_total{topic="web"}': 7,
      'resaca_bytes_read_total{topic="web"}': 700,
      'resaca_records_lost_total{topic="web"}': 9,
      'resaca_flushes_total{reason="latency"}': 2,
      resaca_flush_seconds_sum: 0.75,
      resaca_flush_seconds_count: 2,
      resaca_fetch_failures_total: 1,
      resaca_rebalances_total: 1,
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(samples.get(name), value, name);
  });

  it('show what is now', () => {
    const partitions = [
      { topic: 'web', partition: 0, lag: 12, position: 30, readableEnd: 42 },
      { topic: 'web', partition: 1, lag: undefined, position: undefined, readableEnd: undefined },
    ];
    const samples = parse(
      createMetrics().render({ problem: 'bad', partitions, bufferedRecords: 3, bufferedBytes: 900 }),
    );
    assert.equal(samples.get('resaca_up'), 0);
    assert.equal(samples.get('resaca_partitions'), 2);
    assert.equal(samples.get('resaca_partition_lag{topic="web",partition="0"}'), 12);
    assert.equal(samples.has('resaca_partition_lag{topic="web",partition="1"}'), false);
    assert.equal(samples.get('resaca_buffered_records'), 3);
    assert.equal(samples.get('resaca_buffered_bytes'), 900);
  });

  it('are in the text format: each name once with help and type, its samples behind, and a line end at the end', () => {
    const metrics = createMetrics();
    metrics.table('a', { commits: 1 });
    metrics.table('b', { commits: 1 });
    const text = metrics.render(idle);
    assert.ok(text.endsWith('\n'));
    let current = '';
    const seen = new Set<string>();
    for (const line of text.trimEnd().split('\n')) {
      const [, help] = /^# HELP (\w+) .+$/.exec(line) ?? [];
      const [, type] = /^# TYPE (\w+) (?:counter|gauge|summary)$/.exec(line) ?? [];
      if (help !== undefined) {
        assert.ok(!seen.has(help), line);
        seen.add(help);
        current = help;
      } else if (type !== undefined) {
        assert.equal(type, current);
      } else {
        assert.match(line, /^\w+(?:\{(?:\w+="(?:[^"\\\n]|\\.)*",?)+\})? -?\d+(?:\.\d+)?$/);
        assert.ok(line.startsWith(current), line);
      }
    }
  });

  it('escape what labels may not hold', () => {
    assert.equal(labels({ table: 'a"b\\c\nd', x: '1' }), '{table="a\\"b\\\\c\\nd",x="1"}');
  });
});
