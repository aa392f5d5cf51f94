import type { Loads, Suite } from '../../cost/suite.ts';
import { type OptionSpec, type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import { parseBytes, parseDuration } from '../units.ts';
import { type Deployed, defaultSuite, readDeployed } from './deployed.ts';

/** What comes in a day, by parts; a part of --config without its load is counted at rest. */
export const LOAD_OPTIONS = {
  'files-per-day': { value: 'N', help: 'Parquet files that land in a day (default: 86400 without --config)' },
  'file-size': { value: 'SIZE', help: 'of such a file (default: 1MB)' },
  tables: { value: 'N', help: 'tables that they are for; without --config also topics (default: 1)' },
  'table-files': { value: 'N', help: 'active files of a table (default: 100000)' },
  'kafka-gb-per-day': { value: 'N', help: 'GB of records of Kafka in a day' },
  'record-size': { value: 'SIZE', help: 'of a record (default: 400B)' },
  'messages-per-day': { value: 'N', help: 'messages to queues, all together' },
  'message-size': { value: 'SIZE', help: 'of a message (default: 400B)' },
  'requests-per-day': { value: 'N', help: 'requests to webhooks, all together' },
  'request-size': { value: 'SIZE', help: 'of its body (default: 400B)' },
  'loaded-files-per-day': { value: 'N', help: 'files that the load function takes' },
  'loaded-file-size': { value: 'SIZE', help: 'of such a file (default: 10MB)' },
  'staged-files-per-day': { value: 'N', help: 'small files that the merge function takes' },
  'staged-file-size': { value: 'SIZE', help: 'of such a file (default: 5kB)' },
} satisfies Readonly<Record<string, OptionSpec>>;

/** Settings of the function without a configuration. */
export const PART_OPTIONS = {
  window: { value: 'TIME', help: 'for which a batch is gathered (default: 30s)' },
  'batch-size': { value: 'N', help: 'files of a batch at most (default: 1000)' },
  memory: { value: 'MB', help: 'of the function (default: 512; 1024 for Kafka)' },
  eventbridge: { help: 'events come through EventBridge' },
} satisfies Readonly<Record<string, OptionSpec>>;

export interface Asked {
  readonly suite: Suite;
  readonly loads: Loads;
}

/** Which option asks for the load of which part. */
const PART_OF: Readonly<Record<string, { readonly part: keyof Suite; readonly name: string; readonly size: string }>> =
  {
    'kafka-gb-per-day': { part: 'bronze', name: 'kafka', size: 'record-size' },
    'messages-per-day': { part: 'queues', name: 'queues', size: 'message-size' },
    'requests-per-day': { part: 'webhooks', name: 'webhooks', size: 'request-size' },
    'loaded-files-per-day': { part: 'loader', name: 'loader', size: 'loaded-file-size' },
    'staged-files-per-day': { part: 'merge', name: 'merge', size: 'staged-file-size' },
  };

/** Reads what is asked for. Throws UsageError. */
export async function readAsked(args: ParsedArgs): Promise<Asked> {
  const path = args.value('config');
  if (path === undefined) return withoutConfig(args);
  refuse(args, Object.keys(PART_OPTIONS), 'stands in the file of --config');
  const deployed = await readDeployed(path);
  checkParts(args, deployed.suite);
  const files = args.flag('files-per-day') ? { files: filesOf(args, 0) } : {};
  return { suite: deployed.suite, loads: { ...files, ...otherLoads(args, deployed) } };
}

function withoutConfig(args: ParsedArgs): Asked {
  const others = Object.keys(PART_OF).filter((name) => name !== 'kafka-gb-per-day');
  refuse(args, [...others, ...others.map((name) => PART_OF[name]?.size ?? '')], 'is for a part of --config');
  const { append, ...suite } = defaultSuite();
  if (append === undefined) throw new TypeError('a deployment has the append function');
  const window = parseDuration(args.value('window') ?? '30s', 'window') / 1_000;
  if (args.value('kafka-gb-per-day') === undefined) {
    refuse(args, ['record-size'], 'is for --kafka-gb-per-day');
    const own = { window, batchSize: number(args, 'batch-size', 1_000), memory: number(args, 'memory', 512) };
    return {
      suite: { ...suite, append: { ...append, ...own, eventBridge: args.flag('eventbridge') } },
      loads: { files: filesOf(args, 86_400) },
    };
  }
  const ofFiles = ['files-per-day', 'file-size', 'table-files', 'batch-size', 'eventbridge'];
  refuse(args, ofFiles, 'is for files, not for Kafka without --config');
  return {
    suite: { ...suite, bronze: { reader: 'mapping', window, memory: number(args, 'memory', 1_024) } },
    loads: { stream: streamOf(args, number(args, 'tables', 1)) },
  };
}

function checkParts(args: ParsedArgs, suite: Suite): void {
  for (const [option, { part, name, size }] of Object.entries(PART_OF)) {
    if (args.flag(size) && !args.flag(option)) throw new UsageError(`--${size} is for --${option}`);
    const is = suite[part];
    const isOn = Array.isArray(is) ? is.length > 0 : is !== undefined;
    if (args.flag(option) && !isOn) {
      throw new UsageError(`--${option} is for the part ${name}, which the configuration does not have`);
    }
  }
}

function otherLoads(args: ParsedArgs, { topics }: Deployed): Loads {
  return {
    ...(args.flag('kafka-gb-per-day') && { stream: streamOf(args, topics) }),
    ...(args.flag('messages-per-day') && {
      messages: { perDay: number(args, 'messages-per-day', 0), bytes: size(args, 'message-size', '400B') },
    }),
    ...(args.flag('requests-per-day') && {
      requests: { perDay: number(args, 'requests-per-day', 0), bytes: size(args, 'request-size', '400B') },
    }),
    ...(args.flag('loaded-files-per-day') && {
      loaded: { perDay: number(args, 'loaded-files-per-day', 0), bytes: size(args, 'loaded-file-size', '10MB') },
    }),
    ...(args.flag('staged-files-per-day') && {
      staged: {
        perDay: number(args, 'staged-files-per-day', 0),
        bytes: size(args, 'staged-file-size', '5kB'),
        tables: number(args, 'tables', 1),
      },
    }),
  };
}

function filesOf(args: ParsedArgs, fallback: number) {
  return {
    filesPerDay: number(args, 'files-per-day', fallback),
    bytes: size(args, 'file-size', '1MB'),
    tables: number(args, 'tables', 1),
    tableFiles: number(args, 'table-files', 100_000),
  };
}

function streamOf(args: ParsedArgs, topics: number) {
  const gbPerDay = Number(args.value('kafka-gb-per-day'));
  if (!(gbPerDay > 0 && Number.isFinite(gbPerDay))) {
    throw new UsageError(`--kafka-gb-per-day expects a number above 0, got "${args.value('kafka-gb-per-day')}"`);
  }
  return { gbPerDay, topics, recordBytes: size(args, 'record-size', '400B') };
}

function number(args: ParsedArgs, name: string, fallback: number): number {
  return parseWholeNumber(args.value(name) ?? String(fallback), name, 1);
}

function size(args: ParsedArgs, name: string, fallback: string): number {
  return parseBytes(args.value(name) ?? fallback, name);
}

function refuse(args: ParsedArgs, names: readonly string[], why: string): void {
  const given = names.find((name) => args.flag(name));
  if (given !== undefined) throw new UsageError(`--${given} ${why}`);
}
