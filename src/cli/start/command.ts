import { readFile } from 'node:fs/promises';
import { type AppendConfig, parseAppendConfig } from '../../ingest/config.ts';
import { ConfigError } from '../../ingest/config-reader.ts';
import { type ParsedArgs, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import type { ExitCode } from '../exit-codes.ts';

/** Where the demo lets its files land. */
const DEMO_LANDING = 'landing';

export const startCommand: Command = {
  name: 'start',
  effect: 'serves',
  summary: 'run the pipeline on this machine, on a local folder',
  description: [
    'Without options: lets Parquet files of several writers land in ./landing for some seconds, shows how they become ' +
      'Delta tables, and checks the result. Run again, it goes on with the tables that are there.',
    'With --landing: serves that folder until it is interrupted. Every *.parquet file that is there or comes becomes ' +
      'part of the Delta table at the path before the first NAME=VALUE folder (or of its own folder); a file that is ' +
      'deleted is removed from its table. It may be killed at any moment and started again: no file is lost or doubled.',
    'With --kafka: starts Apache Kafka, sends web requests to it for some seconds, shows how they become a Delta table, ' +
      'and checks the result. It needs Java, and Maven to get Kafka at the first time.',
    'With --medallion: lets files of orders land and hands over Kafka records of web requests, without a broker, shows how silver and ' +
      'gold tables follow from them, queries these, and checks the result.',
  ],
  positionals: [],
  options: {
    landing: { value: 'DIR', help: 'the folder to serve; made if it is not there' },
    config: { value: 'FILE', help: 'rules for the tables, as JSON (with --landing)' },
    once: { help: 'end when all that is there was handled (with --landing)' },
    kafka: { help: 'show the way from a Kafka topic to a table instead' },
    medallion: { help: 'show the way from files and Kafka records to silver and gold instead' },
    log: { value: 'FILE', help: 'logs of the append function (default: .resaca/append.log in the folder)' },
  },
  examples: [
    'resaca start',
    'resaca start --landing /data/landing --config tables.json',
    'resaca start --landing /data/landing --once',
    'resaca start --kafka',
    'resaca start --medallion',
  ],
  stopsCleanly: true,
  run: runStart,
};

async function runStart(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  if (args.flag('kafka')) return startKafka(args, context);
  if (args.flag('medallion')) return startMedallion(args, context);
  const landing = args.value('landing');
  const logFile = args.value('log');
  if (landing === undefined) {
    for (const name of ['config', 'once']) {
      if (args.flag(name)) throw new UsageError(`--${name} needs --landing`);
    }
    const { runDemo } = await import('./demo.ts');
    return runDemo({ landing: DEMO_LANDING, logFile }, context);
  }
  const config = await readConfig(args.value('config'));
  const { serve } = await import('./serve.ts');
  return serve({ landing, config, logFile, once: args.flag('once') }, context);
}

async function startKafka(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  refuseBeside('kafka', ['landing', 'config', 'once', 'log', 'medallion'], args);
  const { runKafkaDemo } = await import('./kafka-demo.ts');
  return runKafkaDemo(context);
}

async function startMedallion(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  refuseBeside('medallion', ['landing', 'config', 'once', 'log'], args);
  const { runMedallionDemo } = await import('./medallion-demo.ts');
  return runMedallionDemo(context);
}

function refuseBeside(mode: string, names: readonly string[], args: ParsedArgs): void {
  for (const name of names) {
    if (args.flag(name)) throw new UsageError(`--${name} and --${mode} cannot be used together`);
  }
}

/** Throws UsageError: nothing is started with a configuration that is wrong. */
async function readConfig(path: string | undefined): Promise<AppendConfig> {
  if (path === undefined) return parseAppendConfig({});
  try {
    return parseAppendConfig(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (
      !(error instanceof ConfigError || error instanceof SyntaxError || (error instanceof Error && 'code' in error))
    ) {
      throw error;
    }
    throw new UsageError(`${path}: ${error.message}`);
  }
}
