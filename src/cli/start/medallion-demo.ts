import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRegistries } from '../../aws/registries.ts';
import { parseAppendConfig } from '../../ingest/config.ts';
import { parseKafkaConfig } from '../../kafka/config.ts';
import { createBronzeHandler } from '../../kafka/handler.ts';
import { mskEvent, TOPIC, webRequest } from '../../local/demo/kafka-records.ts';
import { DEMO_STEPS } from '../../local/demo/medallion-steps.ts';
import { orders } from '../../local/demo/orders.ts';
import { createRandom, type Random } from '../../local/demo/random.ts';
import { WRITERS, writeFile as writeParquet } from '../../local/demo/writers.ts';
import { openLocalTelemetry } from '../../local/local-telemetry.ts';
import { type Service, startService } from '../../local/service.ts';
import { type LocalSteps, startLocalSteps } from '../../local/steps.ts';
import { parseMedallionConfig } from '../../medallion/config.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../storage/folder-store.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { plural } from '../format.ts';
import { checkMedallion, showMedallion } from './medallion-results.ts';

/** Tables; hidden, because the other demo serves the folder around it. */
const FOLDER = 'landing/.medallion';
/** Buckets of the configuration, as folders. */
const BUCKETS = ['landing', 'kafka'] as const;
/** Rounds of a file of orders and a batch of records, and how long apart, ms. */
const ROUNDS = 6;
const INTERVAL = 900;
const ORDERS = 400;
const RECORDS = 300;
/** Every so many rounds the orders of an earlier one come again, with other values. */
const REPEATED = 3;

/** What was produced in this run. */
export interface Produced {
  files: number;
  records: number;
  /** Orders, each once. */
  readonly orders: Set<string>;
}

/** Lets files and records come, shows how silver and gold follow from them, and checks that all of it is there once. */
export async function runMedallionDemo(context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const begin = Date.now();
  const folder = resolve(FOLDER);
  for (const bucket of BUCKETS) await mkdir(join(folder, bucket), { recursive: true });
  const stores = new Map(BUCKETS.map((bucket) => [bucket, createFolderStore(join(folder, bucket))] as const));
  const logFile = join(folder, 'medallion.log');
  const telemetry = openLocalTelemetry(logFile, Date.now);
  const urlOf = ({ bucket, prefix }: { readonly bucket: string; readonly prefix: string }) =>
    join(folder, bucket, prefix);
  const config = parseMedallionConfig(DEMO_STEPS, { landing: 'landing', kafka: 'kafka' });
  const steps = startLocalSteps({ config, stores, urlOf, telemetry });
  const tables = { folder, steps: config.steps, stores };
  const before = await checkMedallion(tables);
  const produced: Produced = { files: 0, records: 0, orders: new Set() };
  terminal.note(`Files and Kafka records come to ${folder}`);
  let service: Service | undefined;
  try {
    service = await startService({
      landing: join(folder, 'landing'),
      config: parseAppendConfig({}),
      settings: { settle: 200, batchWindow: 300, concurrency: 1 },
      decorate: () => steps.storeFor('landing'),
    });
    await produce(
      { folder, service, steps, produced, kafka: createKafka(steps.storeFor('kafka'), telemetry) },
      context,
    );
    await settle(service, steps);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    terminal.endShow();
    await service?.stop();
    await steps.stop();
    await telemetry.close();
  }
  if (signal.aborted) {
    await terminal.print('Stopped; the next start goes on from here.');
    return EXIT.failed;
  }
  await showMedallion(tables, terminal);
  await terminal.print(`\nLogs of the medallion function: ${logFile}`);
  const problems = problemsOf(before, await checkMedallion(tables), produced);
  if (steps.deadLetters.length > 0)
    problems.push(`${plural(steps.deadLetters.length, 'message')} could not be handled`);
  for (const problem of problems) terminal.note(terminal.style.red(`wrong: ${problem}`));
  if (problems.length > 0) return EXIT.failed;
  const seconds = ((Date.now() - begin) / 1000).toFixed(1);
  await terminal.print(
    terminal.style.green(
      `${plural(produced.files, 'file')} and ${plural(produced.records, 'record')} are in silver and gold in ${seconds} s,\n` +
        `each once: ${plural(produced.orders.size, 'order')}, some of which came again and changed.`,
    ),
  );
  return EXIT.ok;
}

/** The function for Kafka's records as it is deployed, and the offset of the next record. */
function createKafka(store: ObjectStore, telemetry: Parameters<typeof createBronzeHandler>[0]['telemetry']) {
  const config = parseKafkaConfig({ bucket: 'kafka', topics: [{ topic: TOPIC, format: 'json' }] });
  const handler = createBronzeHandler({
    store,
    config,
    telemetry,
    reader: createCheckpointReader(),
    registries: createRegistries(config),
    now: Date.now,
    random: Math.random,
    sleep: (ms) => sleep(ms),
  });
  // Beyond those of earlier runs, whose records are in the table.
  let offset = Date.now();
  return async (values: readonly string[]) => {
    await handler(mskEvent(values, offset), { getRemainingTimeInMillis: () => 60_000 });
    offset += values.length;
  };
}

interface Production {
  readonly folder: string;
  readonly service: Service;
  readonly steps: LocalSteps;
  readonly produced: Produced;
  readonly kafka: (values: readonly string[]) => Promise<void>;
}

async function produce(
  { folder, service, steps, produced, kafka }: Production,
  { terminal, signal }: Pick<CommandContext, 'terminal' | 'signal'>,
): Promise<void> {
  const begin = Date.now();
  const random = createRandom(begin);
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = begin + (round % REPEATED) * 1_000;
    await landOrders(join(folder, 'landing/bronze/orders'), random, { from, round, produced });
    produced.files += 1;
    const values = Array.from({ length: RECORDS }, () => JSON.stringify(webRequest(random).value));
    await kafka(values);
    produced.records += values.length;
    terminal.show([`  ${plural(produced.files, 'file')} of orders, ${plural(produced.records, 'web request')}`]);
    await sleep(INTERVAL, undefined, { signal });
    // An order that comes again comes after itself.
    if (round % REPEATED === REPEATED - 1) await settle(service, steps);
  }
}

/** Under a hidden name first, as careful writers do. */
async function landOrders(
  folder: string,
  random: Random,
  { from, round, produced }: { readonly from: number; readonly round: number; readonly produced: Produced },
): Promise<void> {
  const columns = orders(random, { rows: ORDERS, from });
  for (let index = 0; index < ORDERS; index += 1) produced.orders.add(`${Math.floor(from / 1000) * 10_000 + index}`);
  const name = `part-${String(round).padStart(5, '0')}-${from}-${Date.now()}.parquet`;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `.${name}`), writeParquet(columns, WRITERS[round % WRITERS.length] ?? WRITERS[0]));
  await rename(join(folder, `.${name}`), join(folder, name));
}

/** Waits until all that has come is in all tables. */
async function settle(service: Service, steps: LocalSteps): Promise<void> {
  await service.untilIdle();
  await steps.untilIdle();
}

type Counts = Awaited<ReturnType<typeof checkMedallion>>;

/** What the gold tables lack, or have twice. */
function problemsOf(before: Counts, after: Counts, { orders: placed }: Produced): string[] {
  const problems: string[] = [];
  const added = after.goldOrders - before.goldOrders;
  if (added !== placed.size) problems.push(`${placed.size} orders became ${added} in gold/customers`);
  const expected = after.requests - before.requests;
  const requests = after.goldRequests - before.goldRequests;
  if (requests !== expected) problems.push(`${expected} web requests became ${requests} in gold/pages`);
  if (after.revenue !== after.goldRevenue) {
    problems.push(`the revenue of silver/orders is ${after.revenue}, that of gold/customers ${after.goldRevenue}`);
  }
  return problems;
}
