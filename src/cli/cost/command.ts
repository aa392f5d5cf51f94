import { readFileSync, statSync } from 'node:fs';
import { type Estimate, estimateFiles, estimateStream } from '../../cost/estimate.ts';
import { applyPrices, PRICES, type PriceList } from '../../cost/prices.ts';
import { ConfigError } from '../../ingest/config-reader.ts';
import { type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { parseBytes, parseDuration } from '../units.ts';
import { estimateLines, priceLines } from './print.ts';

export const costCommand: Command = {
  name: 'cost',
  effect: 'reads',
  summary: 'estimate what a load costs in a month, here and elsewhere',
  description: [
    'Puts list prices of us-east-1, without free tiers, to the requests and times that were measured: for Parquet files ' +
      'that land in S3, and with --kafka-gb-per-day for records of Kafka. Nothing is asked of AWS.',
    'Storage and data transfer are not counted, nor is the Kafka itself. --prices FILE has other prices, as JSON: ' +
      '{"lambda.gbSecond": 0.0000166667}.',
  ],
  positionals: [],
  options: {
    'files-per-day': { value: 'N', help: 'Parquet files that land in a day (default: 86400)' },
    tables: { value: 'N', help: 'tables that they are for, or topics (default: 1)' },
    'table-files': { value: 'N', help: 'active files of a table (default: 100000)' },
    window: { value: 'TIME', help: 'for which a batch is gathered (default: 30s)' },
    'batch-size': { value: 'N', help: 'files of a batch at most (default: 1000)' },
    memory: { value: 'MB', help: 'of the function (default: 512; 1024 for Kafka)' },
    eventbridge: { help: 'events come through EventBridge' },
    'kafka-gb-per-day': { value: 'N', help: 'GB of records in a day, instead of files' },
    'record-size': { value: 'SIZE', help: 'of a record (default: 400B)' },
    prices: { value: 'FILE', help: 'other prices, as JSON' },
    'list-prices': { help: 'show the prices with their sources' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca cost --files-per-day 1000000 --tables 20 --table-files 1000000',
    'resaca cost --kafka-gb-per-day 50 --tables 8 --json',
    'resaca cost --list-prices',
  ],
  run: runCost,
};

/** Bytes of a file of prices, which has some dozen numbers. */
const MAX_PRICES = 100_000;

async function runCost(args: ParsedArgs, { terminal }: CommandContext): Promise<ExitCode> {
  const prices = readPrices(args.value('prices'));
  if (args.flag('list-prices')) {
    if (args.flag('json')) await terminal.print(JSON.stringify(prices, null, 2));
    else for (const line of priceLines(prices)) await terminal.print(line);
    return EXIT.ok;
  }
  const estimate = estimateOf(args, prices);
  if (args.flag('json')) await terminal.print(JSON.stringify(estimate, null, 2));
  else for (const line of estimateLines(estimate, prices)) await terminal.print(line);
  return EXIT.ok;
}

function estimateOf(args: ParsedArgs, prices: PriceList): Estimate {
  const number = (name: string, fallback: number) => parseWholeNumber(args.value(name) ?? String(fallback), name, 1);
  const window = parseDuration(args.value('window') ?? '30s', 'window') / 1_000;
  const tables = number('tables', 1);
  if (args.value('kafka-gb-per-day') === undefined) {
    refuse(args, ['record-size'], 'is for --kafka-gb-per-day');
    return estimateFiles(
      {
        filesPerDay: number('files-per-day', 86_400),
        tables,
        tableFiles: number('table-files', 100_000),
        window,
        batchSize: number('batch-size', 1_000),
        memory: number('memory', 512),
        eventBridge: args.flag('eventbridge'),
      },
      prices,
    );
  }
  refuse(args, ['files-per-day', 'table-files', 'batch-size', 'eventbridge'], 'is for files, not for Kafka');
  const gbPerDay = Number(args.value('kafka-gb-per-day'));
  if (!(gbPerDay > 0 && Number.isFinite(gbPerDay))) {
    throw new UsageError(`--kafka-gb-per-day expects a number above 0, got "${args.value('kafka-gb-per-day')}"`);
  }
  const recordBytes = parseBytes(args.value('record-size') ?? '400B', 'record-size');
  return estimateStream({ gbPerDay, topics: tables, recordBytes, window, memory: number('memory', 1_024) }, prices);
}

function refuse(args: ParsedArgs, names: readonly string[], why: string): void {
  const given = names.find((name) => args.flag(name));
  if (given !== undefined) throw new UsageError(`--${given} ${why}`);
}

function readPrices(path: string | undefined): PriceList {
  if (path === undefined) return PRICES;
  try {
    const { size, mtime } = statSync(path);
    if (size > MAX_PRICES) throw new UsageError(`${path} has ${size} bytes, expected a list of prices`);
    return applyPrices(JSON.parse(readFileSync(path, 'utf8')), path, mtime.toISOString().slice(0, 10));
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(`${path}: ${error.problems.join('; ')}`);
    if (error instanceof SyntaxError) throw new UsageError(`${path} is not JSON: ${error.message}`);
    throw error;
  }
}
