/**
 * What an append costs against the size of the table: `npm run bench`. docs/performance.md says how it is measured.
 *
 * `--peer PATH` is oxbow's Lambda, which is measured side by side; `--s3 PATH` is versitygw, which is much faster than the
 * MiniStack that is taken otherwise. `--latency MS` lets every request wait, `--sizes 10,1000` are the tables' files,
 * `--rounds N` the warm invocations, `--out FILE` writes the chart as SVG.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { REGION } from '../scripts/local-aws/ministack.ts';
import { createS3Client } from '../src/aws/clients.ts';
import { createS3Store } from '../src/aws/s3-store.ts';
import { UnavailableError } from '../test/support/unavailable.ts';
import { BenchTable, type Bucket } from './append/bench-table.ts';
import { type CostPair, checkBounds, type SizeResult } from './append/bounds.ts';
import { svgChart } from './append/chart-svg.ts';
import { terminalChart } from './append/chart-terminal.ts';
import { type Contender, oxbow, resaca } from './append/contenders.ts';
import { type LocalS3, startLocalS3 } from './append/local-s3.ts';
import { describeMachine, loadText } from './append/machine.ts';
import { type Entrant, measureAppends, measureMemory, type Place } from './append/measure-size.ts';
import { type BenchOptions, parseOptions } from './append/options.ts';
import { boundsTable, coldTable, memoryTable, startTable, wallSeries, warmTable } from './append/report.ts';
import { makeTableSource, type TableSource } from './append/table-source.ts';
import { startFunction } from './lambda-runtime.ts';
import { startS3Proxy } from './s3-proxy.ts';
import { clientFunction, emptyFunction, measureStarts, type StartUp } from './start-up.ts';

/** Commits since the checkpoint. */
const COMMITS = [0, 99];
const WARM_UP_FILES = 10;
const STARTS = 15;
/** Name of what the start is compared with. */
const CLIENT = 'an empty function with an S3 client';
/** Invocations after which the memory of our process no longer grows. */
const MEMORY_INVOCATIONS = 150;
/** `clockMargin` of the append function, and a little: what was committed longer ago cannot hold an event of now. ms. */
const CLOCK_MARGIN = 65_000;

// Servers and folders of the benchmark end with the process, which has to come to its end by itself.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const options = parseOptions(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), 'resaca-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
try {
  await main(options);
} catch (error) {
  if (!(error instanceof UnavailableError)) throw error;
  console.log(`skipped: ${error.message}`);
}
process.exit();

async function main({ peer, s3, latency, sizes, rounds, out }: BenchOptions): Promise<void> {
  const server = await startLocalS3(s3);
  const proxy = await startS3Proxy(server.endpoint, latency);
  const place: Place = { endpoint: latency > 0 ? proxy.endpoint : server.endpoint, proxy, rounds };
  const contenders = [await resaca(folder, server), ...(peer === undefined ? [] : [oxbow(peer, server)])];
  console.log(`${describeMachine()}, load average ${loadText()}`);
  console.log(`S3: ${server.name}${latency > 0 ? `, ${latency} ms a request` : ''}`);
  if (s3 === undefined) console.log('without --s3: the same requests, at the pace of a slower server');
  if (peer === undefined) console.log('without --peer: oxbow is skipped');

  const bucket = await createBucket(server);
  const sources = await makeSources(sizes);
  const tables = await putTables(bucket, contenders, sources);
  const starts = await timeStarts(contenders, server);
  await sleep(Math.max(0, tables.writtenAt + CLOCK_MARGIN - Date.now()));

  const results: SizeResult[] = [];
  for (const source of sources) {
    progress(`measuring a table of ${source.files.toLocaleString('en')} files`);
    const isEdge = source === sources[0] || source === sources.at(-1);
    results.push(await measureSize(place, source, tables.entrants(source), isEdge));
  }
  print(results, starts, latency, out);
}

async function measureSize(
  place: Place,
  { files, checkpointBytes }: TableSource,
  entrants: readonly Entrant[],
  isEdge: boolean,
): Promise<SizeResult> {
  const costs = new Map<number, CostPair>();
  for (const commits of COMMITS) {
    const [ours, peer] = await measureAppends(place, entrants, commits);
    if (ours !== undefined) costs.set(commits, peer === undefined ? [ours] : [ours, peer]);
  }
  const [ours] = entrants;
  if (!isEdge || ours === undefined) return { files, checkpointBytes, costs };
  return { files, checkpointBytes, costs, peakRss: await measureMemory(place, ours, MEMORY_INVOCATIONS) };
}

function print(
  results: readonly SizeResult[],
  starts: readonly StartUp[],
  latency: number,
  out: string | undefined,
): void {
  const series = wallSeries(results);
  const title = 'One warm append of 10 new files';
  const startMs = (name: string): number => starts.find((start) => start.name === name)?.ms ?? Number.NaN;
  const bounds = checkBounds(results, { ours: startMs('resaca'), client: startMs(CLIENT) });
  console.log(`\n${terminalChart('wall time', series)}\n`);
  console.log(`${title}\n\n${warmTable(results)}\n`);
  console.log(`First commit of a new process\n\n${coldTable(results)}\n`);
  console.log(`Peak RSS of one process of resaca after ${MEMORY_INVOCATIONS} appends\n\n${memoryTable(results)}\n`);
  console.log(`Start of a process until it is ready, median of ${STARTS}\n\n${startTable(starts)}\n`);
  console.log(`${boundsTable(bounds)}\n`);
  console.log(`load average at the end: ${loadText()}`);
  if (out === undefined) return;
  const subtitle = `wall time, median; local S3${latency > 0 ? `, ${latency} ms a request` : ''}`;
  writeFileSync(out, svgChart({ title, subtitle }, series));
  console.log(`the chart is in ${out}`);
}

async function createBucket({ endpoint, credentials }: LocalS3): Promise<Bucket> {
  const name = 'resaca-bench';
  const client = createS3Client({ region: REGION, endpoint, credentials });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  return { name, store: createS3Store({ client, bucket: name }) };
}

async function makeSources(sizes: readonly number[]): Promise<readonly TableSource[]> {
  const sources: TableSource[] = [];
  for (const files of sizes) {
    progress(`making a table of ${files.toLocaleString('en')} files`);
    const source = await makeTableSource(files);
    progress(`its checkpoint, by delta-rs, has ${source.checkpointBytes.toLocaleString('en')} bytes`);
    sources.push(source);
  }
  return sources;
}

/** Each contender gets copies of its own. */
async function putTables(bucket: Bucket, contenders: readonly Contender[], sources: readonly TableSource[]) {
  const small = await makeTableSource(WARM_UP_FILES);
  const entrants = new Map<TableSource, Entrant[]>(sources.map((source) => [source, []]));
  for (const contender of contenders) {
    const warmUp = new BenchTable(bucket, `${contender.name}/warm-up`, small);
    await warmUp.write();
    for (const source of sources) {
      const table = new BenchTable(bucket, `${contender.name}/of-${source.files}`, source);
      await table.write();
      entrants.get(source)?.push({ contender, table, warmUp });
    }
  }
  return { writtenAt: Date.now(), entrants: (source: TableSource) => entrants.get(source) ?? [] };
}

async function timeStarts(contenders: readonly Contender[], server: LocalS3): Promise<readonly StartUp[]> {
  progress('measuring starts');
  const env = { AWS_REGION: REGION };
  const [empty, client] = [emptyFunction(folder), await clientFunction(folder)];
  return measureStarts(
    [
      { name: 'an empty function', start: () => startFunction(empty, { env }) },
      { name: CLIENT, start: () => startFunction(client, { env }) },
      ...contenders.map(({ name, start }) => ({ name, start: () => start(server.endpoint) })),
    ],
    STARTS,
  );
}

function progress(text: string): void {
  process.stderr.write(`${text} …\n`);
}
