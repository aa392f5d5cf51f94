/**
 * What ingest costs, measured: `npm run bench:cost`. The same web requests as JSON in Kafka, and Parquet files that land,
 * taken by this project's functions, by Spark, by kafka-delta-ingest and by oxbow's Lambda, all into a bucket of a local S3
 * whose requests are counted; then what that is in a month, by the model of `resaca cost`; and how old a record is when it
 * is in the table. docs/cost.md has the results.
 *
 * `--gb N` is the size (5), `--files-gb N` that of the files, `--seed N` their content, `--batch N` the records of a commit
 * (50,000). `--peer PATH` is kafka-delta-ingest, `--oxbow PATH` its Lambda, `--s3 PATH` versitygw; `--spark` has Spark run.
 * `--only kafka,files,lag` measures some of the three, `--contender NAME,...` some of those in contenders.ts; `--only none`
 * does the sums again. `--lag-seconds N` (120) is how long records come, `--turn MINUTES` (60) how long a contender may take.
 * `--json FILE` keeps each result as soon as it is there, beside those of others in it; `--from FILE` has kept results, too.
 * `--out FILE` is the chart, `--docs FILE` a page whose tables are written. What is not there is skipped with a line.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { PRICES } from '../../src/cost/prices.ts';
import { UnavailableError } from '../../test/support/unavailable.ts';
import { type LocalS3, startLocalS3 } from '../append/local-s3.ts';
import { describeMachine, loadText } from '../append/machine.ts';
import { createBenchBucket } from '../kafka/bench-bucket.ts';
import { type Result, setStage } from '../kafka/stage.ts';
import { LANDINGS, STREAMS } from './contenders.ts';
import { createKeptResults, type KeptResults } from './kept-results.ts';
import { measureLags } from './lag.ts';
import { landingFiles } from './landing-files.ts';
import { ASSUMPTIONS, conclude } from './model.ts';
import { type CostOptions, parseCostOptions } from './options.ts';
import { costChart, measuredTable, reportText, withTables } from './report.ts';
import type { Conditions, CostReport, Measured } from './results.ts';
import { inTurn } from './turn.ts';

/** Bytes of a web request as JSON, about. */
const RECORD_BYTES = 400;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const options = parseCostOptions(process.argv.slice(2));
try {
  await main(options);
} catch (error) {
  if (!(error instanceof UnavailableError)) throw error;
  console.log(`skipped: ${error.message}`);
}
process.exit();

async function main(given: CostOptions): Promise<void> {
  const results = createKeptResults(given, (measured) => `${JSON.stringify(reportOf(measured), null, 2)}\n`);
  if (given.streams.length + given.landings.length + given.lags.length > 0) {
    const s3 = await startLocalS3(given.s3);
    if (given.streams.length > 0) await measureKafka(given, s3, results);
    if (given.landings.length > 0) await measureFiles(given, s3, results);
    if (given.lags.length > 0) {
      await measureLags(given, s3, (name, run) =>
        contend(`lag of ${name}`, given, s3, run, (result) => results.keep('lag', { [name]: result })),
      );
    }
  }
  const report = reportOf(results.read());
  console.log(`\n${reportText(report)}`);
  if (given.json !== undefined) writeFileSync(given.json, `${JSON.stringify(report, null, 2)}\n`);
  if (given.out !== undefined) writeFileSync(given.out, costChart(report));
  if (given.docs !== undefined) writeFileSync(given.docs, withTables(readFileSync(given.docs, 'utf8'), report));
}

function reportOf(measured: Measured): CostReport {
  return {
    versions: { kafka: '4.1.0', spark: '4.1.1', delta: '4.2.0', kafkaDeltaIngest: '0.4.0', oxbow: '1.9.1' },
    ...measured,
    ...conclude(measured, PRICES),
    assumptions: ASSUMPTIONS,
  };
}

async function measureFiles(given: CostOptions, s3: LocalS3, results: KeptResults): Promise<void> {
  const files = landingFiles(given.filesGb * 1e9, given.seed);
  const { count, bytes, rows } = files;
  for (const name of given.landings) {
    const { run, rowsBefore } = LANDINGS[name];
    const measure = async () => ({ ...(await run(files, s3, given)), files: count, bytes, rows });
    await contend(name, given, s3, measure, (result) => {
      checkRows(result, rows + rowsBefore);
      results.keep('landing', { [name]: result });
      console.log(measuredTable([result]).split('\n').at(-1));
    });
  }
}

async function measureKafka(given: CostOptions, s3: LocalS3, results: KeptResults): Promise<void> {
  const { gb, seed, batch } = given;
  // Whole batches: for what is left some wait for minutes.
  const records = Math.max(1, Math.round((gb * 1e9) / RECORD_BYTES / batch)) * batch;
  say(`${records.toLocaleString('en')} records go into Kafka`);
  const stage = await setStage('json', records, seed);
  const { bytes } = stage;
  try {
    for (const name of given.streams) {
      const measure = async () => ({
        ...(await STREAMS[name](stage, await createBenchBucket(s3), given)),
        records,
        bytes,
      });
      await contend(name, given, s3, measure, (result) => {
        checkRows(result, records);
        results.keep('kafka', { [name]: result });
        console.log(measuredTable([result]).split('\n').at(-1));
      });
    }
  } finally {
    await stage.stop();
  }
}

/** One that fails or takes too long is told, and the others, which take long, go on. */
async function contend<T extends object>(
  name: string,
  { turn, seed }: CostOptions,
  s3: LocalS3,
  run: () => Promise<T>,
  done: (result: T & Conditions) => void,
): Promise<void> {
  say(`${name} begins`);
  const before = loadText();
  try {
    const result = await inTurn(turn, run);
    done({
      ...result,
      date: new Date().toISOString(),
      load: [before, loadText()],
      seed,
      machine: `${describeMachine()}, ${s3.name}`,
    });
    say(`${name} is through`);
  } catch (error) {
    const isSkipped = error instanceof UnavailableError;
    if (!isSkipped) process.exitCode = 1;
    say(`${name} ${isSkipped ? 'is skipped' : 'failed'}: ${error instanceof Error ? error.message : error}`);
  }
}

function say(text: string): void {
  console.log(`${new Date().toISOString()} ${text}; load average ${loadText()}`);
}

/** Nobody may be fast by leaving something out. oxbow puts no statistics into its adds, so that its rows are not known. */
function checkRows({ contender, table }: Pick<Result, 'contender' | 'table'>, expected: number): void {
  if (table.rows === expected || Number.isNaN(table.rows)) return;
  throw new Error(`${contender}: ${table.rows} rows in the table, expected ${expected}`);
}
