import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin, Producer } from '@platformatic/kafka';
import { createRegistries } from '../../aws/registries.ts';
import { parseConsumerConfig } from '../../consumer/config.ts';
import { createLog } from '../../consumer/log.ts';
import { type KafkaService, startKafkaService } from '../../consumer/service.ts';
import type { TableRef } from '../../delta/table.ts';
import { TOPIC, webRequest } from '../../local/demo/kafka-records.ts';
import { createRandom, type Random } from '../../local/demo/random.ts';
import { startLocalKafka } from '../../local/kafka-broker.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../storage/folder-store.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, plural } from '../format.ts';
import { inspectTable } from '../inspect/report.ts';
import { shellWord } from './read-commands.ts';
import { readingLines } from './summary.ts';

/** Broker and tables; hidden, because the other demo serves the folder around it. */
const FOLDER = 'landing/.kafka';
const PARTITIONS = 3;
/** Records sent at once, how often, and how long apart, ms. */
const BATCH = 50;
const BATCHES = 10;
const INTERVAL = 400;
/** Of each run, records whose value is no JSON. */
const BROKEN = 2;
/** All must be in the table within this time after the last was sent, ms. Far more than it takes. */
const LIMIT = 60_000;

/** Sends web requests to a Kafka of its own, shows how they become a table, and checks that each is in it once. */
export async function runKafkaDemo({ terminal, signal }: CommandContext): Promise<ExitCode> {
  const begin = Date.now();
  const folder = resolve(FOLDER);
  terminal.note('Starting Apache Kafka (the first time, Maven gets it, about 120 MB)');
  const broker = await startLocalKafka(join(folder, 'broker'));
  const log: string[] = [];
  const table: TableRef = tableAt(folder, TOPIC);
  const letters: TableRef = tableAt(folder, `${TOPIC}__dead_letters`);
  const before = { rows: await rowsOf(table), letters: await rowsOf(letters) };
  let service: KafkaService | undefined;
  try {
    const config = parseConsumerConfig({
      brokers: [broker.bootstrap],
      topics: [TOPIC],
      group: 'resaca-demo',
      storage: { folder },
      tables: { topics: [{ topic: TOPIC, format: 'json' }] },
      flush: { latency: 1_000 },
      http: { host: '127.0.0.1', port: 0 },
      sessionTimeout: 6_000,
    });
    await createTopic(broker.bootstrap);
    service = await startKafkaService({
      config,
      credentials: { variable: () => undefined, mskToken: () => Promise.reject(new Error('is not used here')) },
      store: createFolderStore(folder),
      registries: createRegistries(config.tables),
      log: createLog('info', Date.now, (line) => log.push(line)),
    });
    const sent = { good: 0, broken: 0 };
    const show = async () => {
      const rows = (await rowsOf(table)) - before.rows;
      terminal.show([`  sent ${plural(sent.good + sent.broken, 'record')}, in the table ${plural(rows, 'row')}`]);
      return rows;
    };
    await produce(broker.bootstrap, sent, signal, show);
    const end = Date.now() + LIMIT;
    while ((await show()) < sent.good && Date.now() < end && !signal.aborted) await sleep(100);
    await service.stop();
    service = undefined;
    terminal.endShow();
    const after = { rows: await rowsOf(table), letters: await rowsOf(letters) };
    return await report({ sent, before, after, begin, table, log, letters }, { terminal, signal });
  } finally {
    terminal.endShow();
    await service?.stop();
    await broker.stop();
  }
}

interface Counts {
  readonly rows: number;
  readonly letters: number;
}

interface Outcome {
  readonly sent: { readonly good: number; readonly broken: number };
  readonly before: Counts;
  readonly after: Counts;
  readonly begin: number;
  readonly table: TableRef;
  readonly letters: TableRef;
  readonly log: readonly string[];
}

async function report(
  { sent, before, after, begin, table, letters, log }: Outcome,
  { terminal, signal }: Pick<CommandContext, 'terminal' | 'signal'>,
): Promise<ExitCode> {
  const { style } = terminal;
  for (const one of [table, letters]) await terminal.print((await describeTable(one, style.bold)).join('\n'));
  if (signal.aborted) {
    await terminal.print('Stopped; the next start goes on from here.');
    return EXIT.failed;
  }
  await terminal.print(readingLines(table.url, terminal).join('\n'));
  await terminal.print(`\n${style.bold('Look inside')}\nnpm run resaca -- inspect ${shellWord(table.url)}\n`);
  const rows = after.rows - before.rows;
  const lost = after.letters - before.letters;
  if (rows !== sent.good || lost !== sent.broken) {
    terminal.note(
      style.red(`wrong: ${sent.good} records became ${rows} rows, and ${sent.broken} ${lost} dead letters`),
    );
    for (const line of log) terminal.note(line);
    return EXIT.failed;
  }
  const seconds = ((Date.now() - begin) / 1000).toFixed(1);
  await terminal.print(
    style.green(
      `All ${plural(sent.good + sent.broken, 'record')} arrived as expected in ${seconds} s: ${sent.good} in the table, each once;\n` +
        `${plural(sent.broken, 'broken one', 'broken ones')} in the dead letters.`,
    ),
  );
  return EXIT.ok;
}

async function describeTable(table: TableRef, bold: (text: string) => string): Promise<string[]> {
  const report = await inspectTable(table, createCheckpointReader(), { history: 0 }).catch(() => undefined);
  if (report === undefined) return [bold(table.root), '  no table yet'];
  const { files, rows, bytes } = report.totals;
  const { version } = report.snapshot;
  return [
    bold(table.root),
    `  version ${version}: ${plural(files, 'file')}, ${plural(rows, 'row')}, ${formatBytes(bytes)}`,
  ];
}

async function rowsOf(table: TableRef): Promise<number> {
  const report = await inspectTable(table, createCheckpointReader(), { history: 0 }).catch(() => undefined);
  return report?.totals.rows ?? 0;
}

function tableAt(folder: string, name: string): TableRef {
  const root = `bronze/${name}`;
  return { store: createFolderStore(folder), root, url: join(folder, root) };
}

async function createTopic(bootstrap: string): Promise<void> {
  const admin = new Admin({ clientId: 'resaca-demo', bootstrapBrokers: [bootstrap], retries: 20, retryDelay: 250 });
  try {
    if ((await admin.listTopics()).includes(TOPIC)) return;
    await admin.createTopics({ topics: [TOPIC], partitions: PARTITIONS, replicas: 1 });
  } finally {
    await admin.close();
  }
}

async function produce(
  bootstrap: string,
  sent: { good: number; broken: number },
  signal: AbortSignal,
  show: () => Promise<number>,
): Promise<void> {
  const producer = new Producer({
    clientId: 'resaca-demo',
    bootstrapBrokers: [bootstrap],
    retries: 20,
    retryDelay: 250,
  });
  const random = createRandom(Date.now());
  try {
    for (let batch = 0; batch < BATCHES && !signal.aborted; batch += 1) {
      const messages = Array.from({ length: BATCH }, () => messageOf(random));
      sent.good += messages.length;
      if (batch < BROKEN) {
        messages.push({ topic: TOPIC, key: Buffer.from('broken'), value: Buffer.from('{"path": "/cut o') });
        sent.broken += 1;
      }
      await producer.send({ messages });
      await show();
      await sleep(INTERVAL, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    await producer.close();
  }
}

function messageOf(random: Random) {
  const { key, value } = webRequest(random);
  return { topic: TOPIC, key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)) };
}
