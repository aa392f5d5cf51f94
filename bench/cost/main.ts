/**
 * What ingest costs, measured: `npm run bench:cost`. The same web requests as JSON in Kafka, and Parquet files that land,
 * taken by this project's functions, by Spark, by kafka-delta-ingest and by oxbow's Lambda, all into a bucket of a local S3
 * whose requests are counted; then what that is in a month, by the model of `resaca cost`. docs/cost.md has the results.
 *
 * `--gb N` is the size (5), `--files-gb N` that of the files, `--seed N` their content, `--batch N` the records of a commit
 * (50,000). `--peer PATH` is kafka-delta-ingest, `--oxbow PATH` its Lambda, `--s3 PATH` versitygw; `--spark` has Spark run.
 * `--json FILE` and `--out FILE` keep the results and the chart; `--only kafka` or `files` measures one of the two, and `--from FILE`
 * has kept results for the other; `--only none` does the sums again. What is not there is skipped with a line.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { StreamProgram } from '../../src/cost/measured.ts';
import { PRICES } from '../../src/cost/prices.ts';
import { makeTempFolder } from '../../test/support/temp-folder.ts';
import { UnavailableError } from '../../test/support/unavailable.ts';
import { oxbow, resaca } from '../append/contenders.ts';
import { type LocalS3, startLocalS3 } from '../append/local-s3.ts';
import { describeMachine, loadText } from '../append/machine.ts';
import { createBenchBucket } from '../kafka/bench-bucket.ts';
import { runConsumer } from '../kafka/run-consumer.ts';
import { runDeltaIngest } from '../kafka/run-delta-ingest.ts';
import { MAX_BATCH, runFunction } from '../kafka/run-function.ts';
import { runSpark } from '../kafka/run-spark.ts';
import { type Result, setStage } from '../kafka/stage.ts';
import { type LandingResult, measureLanding, measureSparkFiles } from './landing.ts';
import { landingFiles, ROWS } from './landing-files.ts';
import { ASSUMPTIONS, conclude } from './model.ts';
import { type CostOptions, parseCostOptions } from './options.ts';
import { costChart, measuredTable, reportText } from './report.ts';
import type { CostReport, KafkaResults, LandingResults } from './results.ts';

/** Bytes of a web request as JSON, about. */
const RECORD_BYTES = 400;
const MEMORY = 1_024;

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
  const kept = given.from === undefined ? undefined : (JSON.parse(readFileSync(given.from, 'utf8')) as CostReport);
  const measured = given.only.length === 0 ? undefined : await measure(given);
  const facts = measured ?? kept;
  if (facts === undefined) throw new Error('--only none needs --from');
  const { kafka = kept?.kafka, landing = kept?.landing, date, machine, load, versions, seed } = facts;
  const parts = { ...(kafka !== undefined && { kafka }), ...(landing !== undefined && { landing }) };
  const head = { date, machine, load, versions, seed };
  const report: CostReport = { ...head, ...parts, ...conclude(parts, PRICES), assumptions: ASSUMPTIONS };
  console.log(`\n${reportText(report)}`);
  if (given.json !== undefined) writeFileSync(given.json, `${JSON.stringify(report, null, 2)}\n`);
  if (given.out !== undefined) writeFileSync(given.out, costChart(report));
}

type Measured = Omit<CostReport, 'lag' | 'monthly' | 'assumptions'>;

async function measure(given: CostOptions): Promise<Measured> {
  const start = loadText();
  const s3 = await startLocalS3(given.s3);
  const kafka = given.only.includes('kafka') ? await measureKafka(given, s3) : undefined;
  const landing = given.only.includes('files') ? await measureFiles(given, s3) : undefined;
  return {
    date: new Date().toISOString(),
    machine: `${describeMachine()}, ${s3.name}`,
    load: [start, loadText()],
    versions: { kafka: '4.1.0', spark: '4.1.1', delta: '4.2.0', kafkaDeltaIngest: '0.4.0', oxbow: '1.9.1' },
    seed: given.seed,
    ...(kafka !== undefined && { kafka }),
    ...(landing !== undefined && { landing }),
  };
}

async function measureFiles(given: CostOptions, s3: LocalS3): Promise<LandingResults> {
  const { filesGb, seed, spark, oxbow: peer } = given;
  const files = landingFiles(filesGb * 1e9, seed);
  const results: LandingResult[] = [];
  const add = (name: string, run: () => Promise<LandingResult>) =>
    tryToRun(name, run, (result) => {
      checkRows(result, files.rows + (result.invocations > 0 ? ROWS : 0));
      results.push(result);
      console.log(measuredTable([result], files.bytes).split('\n').at(-1));
    });
  const maker = await resaca(makeTempFolder(), s3);
  await add('append function', async () => measureLanding(files, s3, { maker, contender: maker }));
  // It puts no statistics into its adds, so that its rows are not known.
  await add('oxbow', async () =>
    measureLanding(files, s3, { maker, contender: oxbow(programAt('--oxbow', peer), s3) }),
  );
  await add('Spark', async () => (spark ? measureSparkFiles(files, s3) : skip('no --spark')));
  const { count, bytes, rows } = files;
  return { files: count, bytes, rows, results };
}

async function measureKafka(given: CostOptions, s3: LocalS3): Promise<KafkaResults | undefined> {
  const { gb, seed, batch, peer, spark } = given;
  let stage: Awaited<ReturnType<typeof setStage>>;
  try {
    stage = await setStage('json', Math.round((gb * 1e9) / RECORD_BYTES), seed);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    console.log(`Kafka is skipped: ${error.message}`);
    return undefined;
  }
  const results: Partial<Record<StreamProgram, Result>> = {};
  const add = (program: StreamProgram, run: () => Promise<Result>) =>
    tryToRun(program, run, (result) => {
      checkRows(result, stage.records);
      results[program] = result;
      console.log(measuredTable([result], stage.bytes).split('\n').at(-1));
    });
  try {
    const bucket = () => createBenchBucket(s3);
    await add('bronze', async () => runFunction(stage, await bucket(), Math.min(batch, MAX_BATCH), MEMORY));
    await add('consumer', async () => runConsumer(stage, await bucket(), batch));
    await add('kafkaDeltaIngest', async () => runDeltaIngest(stage, programAt('--peer', peer), batch, await bucket()));
    await add('spark', async () => (spark ? runSpark(stage, batch, await bucket()) : skip('no --spark')));
  } finally {
    await stage.stop();
  }
  const { records, bytes } = stage;
  return { stage: { records, bytes }, results };
}

/** One that fails is told, and the others, which take long, go on. */
async function tryToRun<T>(name: string, run: () => Promise<T>, done: (result: T) => void): Promise<void> {
  try {
    done(await run());
  } catch (error) {
    const isSkipped = error instanceof UnavailableError;
    if (!isSkipped) process.exitCode = 1;
    console.log(`${name} ${isSkipped ? 'is skipped' : 'failed'}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Nobody may be fast by leaving something out. */
function checkRows({ contender, table }: Pick<Result, 'contender' | 'table'>, expected: number): void {
  if (table.rows === expected || Number.isNaN(table.rows)) return;
  throw new Error(`${contender}: ${table.rows} rows in the table, expected ${expected}`);
}

function programAt(option: string, path: string | undefined): string {
  if (path === undefined) return skip(`no ${option}`);
  return existsSync(path) ? path : skip(`${path} is not there`);
}

function skip(reason: string): never {
  throw new UnavailableError(reason);
}
