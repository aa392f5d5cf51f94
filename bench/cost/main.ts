/**
 * What ingest costs, measured: `npm run bench:cost`. The same web requests as JSON in Kafka, and Parquet files that land,
 * taken by this project's functions, by Spark, by kafka-delta-ingest and by oxbow's Lambda, all into a bucket of a local S3
 * whose requests are counted; then what that is in a month, by the model of `resaca cost`. docs/cost.md has the results.
 *
 * `--gb N` is the size (5), `--files-gb N` that of the files, `--seed N` their content, `--batch N` the records of a commit
 * (50,000). `--peer PATH` is kafka-delta-ingest, `--oxbow PATH` its Lambda, `--s3 PATH` versitygw; `--spark` has Spark run.
 * `--json FILE` and `--out FILE` keep the results and the chart. What is not there is skipped with a line.
 */
import { existsSync, writeFileSync } from 'node:fs';
import type { StreamFigures, StreamProgram } from '../../src/cost/measured.ts';
import { PRICES } from '../../src/cost/prices.ts';
import { makeTempFolder } from '../../test/support/temp-folder.ts';
import { UnavailableError } from '../../test/support/unavailable.ts';
import { svgChart } from '../append/chart-svg.ts';
import { oxbow, resaca } from '../append/contenders.ts';
import { type LocalS3, startLocalS3 } from '../append/local-s3.ts';
import { describeMachine, loadText } from '../append/machine.ts';
import { createBenchBucket } from '../kafka/bench-bucket.ts';
import { runConsumer } from '../kafka/run-consumer.ts';
import { runDeltaIngest } from '../kafka/run-delta-ingest.ts';
import { MAX_BATCH, runFunction } from '../kafka/run-function.ts';
import { runSpark } from '../kafka/run-spark.ts';
import { type Result, type Stage, setStage } from '../kafka/stage.ts';
import { type LandingResult, measureLanding, measureSparkFiles } from './landing.ts';
import { landingFiles, ROWS } from './landing-files.ts';
import { ASSUMPTIONS, figuresOf, kafkaCosts, lagsOf, landingCosts } from './model.ts';
import { type CostOptions, parseCostOptions } from './options.ts';
import { costSeries, measuredTable, reportText } from './report.ts';
import type { CostReport } from './results.ts';

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
  const start = loadText();
  const s3 = await startLocalS3(given.s3);
  const kafka = await measureKafka(given, s3);
  const landing = await measureFiles(given, s3);
  const figures = kafka === undefined ? {} : kafkaFigures(kafka);
  const spark = landing.results.find(({ contender }) => contender.startsWith('Spark'));
  const report: CostReport = {
    date: new Date().toISOString(),
    machine: `${describeMachine()}, ${s3.name}`,
    load: [start, loadText()],
    versions: { node: process.version, kafka: '4.1.0', spark: '4.1.1', delta: '4.2.0', kafkaDeltaIngest: '0.4.0' },
    seed: given.seed,
    ...(kafka !== undefined && { kafka: { stage: kafka.stage, results: kafka.results } }),
    landing,
    lag: lagsOf(figures),
    monthly: [
      ...kafkaCosts(figures, PRICES),
      ...landingCosts(spark, { bytes: landing.bytes, fileBytes: landing.bytes / landing.files }, PRICES),
    ],
    assumptions: ASSUMPTIONS,
  };
  console.log(`\n${reportText(report)}`);
  if (given.json !== undefined) writeFileSync(given.json, `${JSON.stringify(report, null, 2)}\n`);
  if (given.out !== undefined) writeFileSync(given.out, chartOf(report));
}

async function measureFiles({ filesGb, seed, spark, oxbow: peer }: CostOptions, s3: LocalS3) {
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

async function measureKafka(given: CostOptions, s3: LocalS3) {
  const { gb, seed, batch, peer, spark } = given;
  let stage: Awaited<ReturnType<typeof setStage>>;
  try {
    stage = await setStage('json', Math.round((gb * 1e9) / RECORD_BYTES), seed);
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    console.log(`Kafka is skipped: ${error.message}`);
    return undefined;
  }
  const results = new Map<StreamProgram, Result>();
  const add = (program: StreamProgram, run: () => Promise<Result>) =>
    tryToRun(program, run, (result) => {
      checkRows(result, stage.records);
      results.set(program, result);
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
  return { stage: { records, bytes }, results: [...results.values()], programs: results };
}

function kafkaFigures({
  programs,
  stage,
}: {
  readonly programs: ReadonlyMap<StreamProgram, Result>;
  readonly stage: Pick<Stage, 'bytes'>;
}): Partial<Record<StreamProgram, StreamFigures>> {
  return Object.fromEntries([...programs].map(([program, result]) => [program, figuresOf(result, stage.bytes)]));
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

function chartOf({ monthly, date, machine }: CostReport): string {
  return svgChart(
    {
      title: 'What Kafka into Delta costs in a month',
      subtitle: `USD, list prices of us-east-1; measured ${date.slice(0, 10)} on ${machine.split(',')[0]}`,
      x: { name: 'MB of JSON a second', format: (value) => `${value} MB/s` },
      y: { format: (value) => `$${value >= 1_000 ? `${Number((value / 1_000).toPrecision(2))}k` : value.toFixed(0)}` },
    },
    costSeries(monthly),
  );
}
