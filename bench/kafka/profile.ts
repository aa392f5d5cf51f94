/**
 * Where the CPU goes in the bronze function: `node bench/kafka/profile.ts [WORD of a step] [--batches N] [--records N]
 * [--format avro]`. Events of web requests against a store in memory, in this process, step by step: µs of CPU a record
 * in the median batch and in the best one, which others on the machine disturb least. Each step has what is before it
 * done already. With `--cpu-prof`, an option of Node, hot spots show.
 */
import { parseArgs } from 'node:util';
import { parseKafkaConfig } from '../../src/kafka/config.ts';
import { createBronzeHandler } from '../../src/kafka/handler.ts';
import { parseMskEvent } from '../../src/kafka/msk-event.ts';
import { planRows, type RowPlan } from '../../src/kafka/plan-records.ts';
import { compileRule, type Rule } from '../../src/kafka/rule.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { mskEventOf } from '../../test/support/kafka-events.ts';
import { type PayloadFormat, payloadsOf, topicRule } from './payloads.ts';

type Table = NonNullable<Parameters<typeof planRows>[2]>;

const TOPIC = 'web';
/** Batches before the first that counts: the compilers of the engine are at work. */
const WARM_UP = 5;
const GIGABYTE = 1e9;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batches: { type: 'string', default: '30' },
    records: { type: 'string', default: '10000' },
    format: { type: 'string', default: 'json' },
  },
});
const records = Number(options.records);
const batches = Number(options.batches);
const payloads: PayloadFormat = options.format === 'avro' ? 'avro' : 'json';

const { texts, bytes } = makeEvents();
const registries = { confluent: noRegistry, glue: noRegistry };
const config = parseKafkaConfig({ bucket: 'lake', topics: [topicRule(TOPIC, payloads)] });
const [topic] = config.topics;
if (topic === undefined) throw new Error('the configuration has no rule');
const rule = await compileRule(topic, registries);

const table = tableOf(plan(recordLists()[0] ?? []));
console.log(`${batches} batches of ${records} records, ${(bytes / records).toFixed(0)} bytes each\n`);
await step('event: parse its JSON', () => texts.map((text) => () => JSON.parse(text)));
await step('event: read its records', () =>
  texts.map((text) => JSON.parse(text)).map((event) => () => recordsOf(event)),
);
await step('decode the values', () => recordLists().map((list) => () => decodeAll(rule, list)));
await step('rows (with decoding)', () => recordLists().map((list) => () => plan(list, table)));
await step('Parquet', () =>
  recordLists()
    .map((list) => () => plan(list, table))
    .map((make) => make())
    .map((made) => () => writeFiles(made)),
);
const handle = createBronzeHandler({
  store: createMemoryStore(),
  reader: createCheckpointReader(),
  registries,
  config,
  telemetry: { log: () => undefined, metrics: () => undefined },
  now: Date.now,
  random: Math.random,
  sleep: async () => undefined,
});
await step('all of it, with commits', () =>
  texts.map((text) => () => handle(JSON.parse(text), { getRemainingTimeInMillis: () => 60_000 })),
);

/** Makes the work of all batches, of which the time does not count, and then does it. */
async function step(name: string, prepare: () => readonly (() => unknown)[]): Promise<void> {
  if (positionals.length > 0 && !positionals.some((word) => name.includes(word))) return;
  const work = prepare();
  const times: number[] = [];
  for (const act of work) {
    const before = process.cpuUsage();
    await act();
    const { user, system } = process.cpuUsage(before);
    times.push(user + system);
  }
  const counted = times.slice(WARM_UP).sort((a, b) => a - b);
  const cells = [counted[counted.length >> 1] ?? 0, counted[0] ?? 0].map((micros) => {
    const perGigabyte = micros / 1e6 / (bytes / GIGABYTE);
    return `${(micros / records).toFixed(2).padStart(7)} µs a record ${perGigabyte.toFixed(1).padStart(6)} CPU-s a GB`;
  });
  console.log(`${name.padEnd(28)} median ${cells[0]}   best ${cells[1]}`);
}

/** Events in the order of their offsets, and the bytes of the values of one of them, about. */
function makeEvents(): { readonly texts: readonly string[]; readonly bytes: number } {
  const count = batches + WARM_UP;
  let offset = 0;
  let size = 0;
  let list: Parameters<typeof mskEventOf>[0][string] = [];
  const made: string[] = [];
  for (const payload of payloadsOf(payloads, count * records)) {
    size += payload.length;
    const place = { topic: TOPIC, partition: 0, offset, timestamp: 1_790_000_000_000 + offset };
    list.push({ ...place, timestampType: 'CREATE_TIME', value: payload.toString('base64'), headers: [] });
    offset += 1;
    if (list.length < records) continue;
    made.push(JSON.stringify(mskEventOf({ [`${TOPIC}-0`]: list })));
    list = [];
  }
  return { texts: made, bytes: size / count };
}

function recordLists() {
  return texts.map((text) => recordsOf(JSON.parse(text)));
}

function recordsOf(event: unknown) {
  return parseMskEvent(event).partitions.flatMap((partition) => partition.records);
}

function decodeAll({ decode }: Rule, list: ReturnType<typeof recordsOf>): void {
  for (const record of list) decode(record);
}

function plan(list: ReturnType<typeof recordsOf>, head?: Table): RowPlan {
  return planRows(rule, list, head, Date.now());
}

/** A table with the columns of a plan. */
function tableOf({ schema }: RowPlan): Table {
  const format = { provider: 'parquet', options: {} };
  const metadata = { id: '', format, schemaString: '', partitionColumns: [], configuration: {} };
  return { schema, metadata };
}

async function writeFiles({ files }: RowPlan): Promise<void> {
  for (const rows of files.values()) await rows.finish();
}

function noRegistry(): Promise<never> {
  return Promise.reject(new Error('there is no registry here'));
}
