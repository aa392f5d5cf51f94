/**
 * What Kafka into Delta costs: `npm run bench:kafka -- conflicts` and `npm run bench:kafka -- throughput`; both without a
 * word. docs/kafka-benchmark.md says how it is measured.
 *
 * `--records N` (1,000,000) are in the topic, `--batch N` (10,000 and 50,000) is records a commit, `--format avro` has
 * them as Avro. `--peer PATH` is kafka-delta-ingest, `--spark` has Spark run, too. `--memory MB` is the function's size.
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { UnavailableError } from '../../test/support/unavailable.ts';
import { measureConflicts } from './conflicts.ts';
import { measureThroughput } from './throughput.ts';

const POLLERS = [1, 16, 64];
const BATCHES_EACH = 10;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    records: { type: 'string', default: '1000000' },
    batch: { type: 'string', multiple: true, default: ['10000', '50000'] },
    format: { type: 'string', default: 'json' },
    memory: { type: 'string', default: '1024' },
    only: { type: 'string', multiple: true },
    peer: { type: 'string' },
    spark: { type: 'boolean', default: false },
  },
});

const wanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);
try {
  if (wanted('conflicts')) await printConflicts();
  if (wanted('throughput')) {
    console.log(
      `load average at the start: ${loadavg()
        .map((load) => load.toFixed(1))
        .join(', ')}`,
    );
    await measureThroughput({
      records: Number(options.records),
      batches: options.batch.map(Number),
      format: options.format === 'avro' ? 'avro' : 'json',
      memorySize: Number(options.memory),
      peer: options.peer,
      spark: options.spark,
      only: options.only,
    });
    console.log(
      `load average at the end: ${loadavg()
        .map((load) => load.toFixed(1))
        .join(', ')}`,
    );
  }
} catch (error) {
  if (!(error instanceof UnavailableError)) throw error;
  console.log(`skipped: ${error.message}`);
}
process.exit();

async function printConflicts(): Promise<void> {
  console.log(`${BATCHES_EACH} batches each, of one table, with the latencies of S3\n`);
  console.log('commits    pollers  batches  versions  lost races  failures  requests a batch  ms a batch');
  for (const commits of ['direct', 'deferred'] as const) {
    for (const pollers of POLLERS) {
      const result = await measureConflicts(commits, pollers, BATCHES_EACH);
      const cells = [
        commits.padEnd(8),
        String(pollers).padStart(10),
        String(result.batches).padStart(9),
        String(result.versions).padStart(10),
        String(result.conflicts).padStart(12),
        String(result.failures).padStart(10),
        result.requests.toFixed(1).padStart(18),
        result.batchTime.toFixed(0).padStart(12),
      ];
      console.log(cells.join(''));
    }
  }
}
