import type { TableMetrics } from '../ingest/telemetry.ts';
import type { FlushReason } from './flush-policy.ts';
import type { ConsumerStatus } from './status.ts';

/** What happened since the start. */
export interface ConsumerMetrics {
  table(table: string, values: Readonly<Partial<TableMetrics>>): void;
  read(topic: string, records: number, bytes: number): void;
  lost(topic: string, records: number): void;
  flushed(reason: FlushReason | 'stop' | 'seek', ms: number): void;
  fetchFailed(): void;
  rebalanced(): void;
  /** All of it in the text format of Prometheus, version 0.0.4. */
  render(status: ConsumerStatus): string;
}

/** The counters of a table, by the fields of `TableMetrics`. */
const TABLE_COUNTERS = [
  ['recordsWritten', 'resaca_records_written_total', 'Rows that were committed.'],
  ['bytesAppended', 'resaca_bytes_written_total', 'Bytes of the files that were committed.'],
  ['filesAppended', 'resaca_files_written_total', 'Files that were committed.'],
  ['commits', 'resaca_commits_total', 'Commits.'],
  ['conflicts', 'resaca_commit_conflicts_total', 'Commit races lost; each was followed by another try.'],
  ['quarantined', 'resaca_dead_letters_total', 'Records that went to the dead letters.'],
  ['skipped', 'resaca_duplicates_total', 'Records that the table had already.'],
  ['failures', 'resaca_write_failures_total', 'Batches that could not be written, and come again.'],
] as const satisfies readonly (readonly [keyof TableMetrics, string, string])[];

type Samples = Map<string, number>;

export function createMetrics(): ConsumerMetrics {
  const counters = new Map<string, Samples>();
  const freshness: Samples = new Map();

  function count(name: string, labels: string, value: number): void {
    const samples = counters.get(name) ?? new Map<string, number>();
    counters.set(name, samples);
    samples.set(labels, (samples.get(labels) ?? 0) + value);
  }
  for (const name of ['resaca_fetch_failures_total', 'resaca_rebalances_total', 'resaca_flush_seconds_count']) {
    count(name, '', 0);
  }
  count('resaca_flush_seconds_sum', '', 0);

  return {
    table(table, values) {
      const of = labels({ table });
      for (const [field, name] of TABLE_COUNTERS) count(name, of, values[field] ?? 0);
      if (values.freshnessLag !== undefined) freshness.set(of, values.freshnessLag / 1000);
    },
    read(topic, records, bytes) {
      count('resaca_records_read_total', labels({ topic }), records);
      count('resaca_bytes_read_total', labels({ topic }), bytes);
    },
    lost: (topic, records) => count('resaca_records_lost_total', labels({ topic }), records),
    flushed(reason, ms) {
      count('resaca_flushes_total', labels({ reason }), 1);
      count('resaca_flush_seconds_sum', '', ms / 1000);
      count('resaca_flush_seconds_count', '', 1);
    },
    fetchFailed: () => count('resaca_fetch_failures_total', '', 1),
    rebalanced: () => count('resaca_rebalances_total', '', 1),

    render(status) {
      const one = (value: number): Samples => new Map([['', value]]);
      const of = (name: string): Samples => counters.get(name) ?? new Map();
      const lag = status.partitions.flatMap(({ topic, partition, lag: value }) =>
        value === undefined ? [] : ([[labels({ topic, partition: String(partition) }), value]] as const),
      );
      return [
        ...metric('resaca_up', 'gauge', 'Whether /health says 200.', one(status.problem === undefined ? 1 : 0)),
        ...TABLE_COUNTERS.flatMap(([, name, help]) => metric(name, 'counter', help, of(name))),
        ...metric('resaca_freshness_lag_seconds', 'gauge', 'Age of the oldest row of the last commit.', freshness),
        ...counter('resaca_records_read_total', 'Records that were read.'),
        ...counter('resaca_bytes_read_total', 'Bytes in memory of the records that were read.'),
        ...counter('resaca_records_lost_total', 'Offsets that brokers had deleted before they were read.'),
        ...metric(
          'resaca_partition_lag',
          'gauge',
          'Offsets of a partition that are not in its table yet.',
          new Map(lag),
        ),
        ...metric('resaca_partitions', 'gauge', 'Partitions of this consumer.', one(status.partitions.length)),
        ...metric('resaca_buffered_records', 'gauge', 'Records in memory.', one(status.bufferedRecords)),
        ...metric('resaca_buffered_bytes', 'gauge', 'Their size in memory, about.', one(status.bufferedBytes)),
        ...counter('resaca_flushes_total', 'Batches that were handed over for writing.'),
        '# HELP resaca_flush_seconds Time that batches took.',
        '# TYPE resaca_flush_seconds summary',
        ...lines('resaca_flush_seconds_sum', of('resaca_flush_seconds_sum')),
        ...lines('resaca_flush_seconds_count', of('resaca_flush_seconds_count')),
        ...counter('resaca_fetch_failures_total', 'Rounds of reading that failed.'),
        ...counter('resaca_rebalances_total', 'Times that partitions were shared out anew.'),
        '',
      ].join('\n');

      function counter(name: string, help: string): string[] {
        return metric(name, 'counter', help, of(name));
      }
    },
  };
}

function metric(name: string, type: 'counter' | 'gauge', help: string, samples: Samples): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines(name, samples)];
}

function lines(name: string, samples: Samples): string[] {
  return [...samples].map(([of, value]) => `${name}${of} ${value}`);
}

/** Labels as the format writes them; backslashes, quotes and line ends are escaped. */
export function labels(values: Readonly<Record<string, string>>): string {
  const escaped = (value: string) => value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
  return `{${Object.entries(values)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',')}}`;
}
