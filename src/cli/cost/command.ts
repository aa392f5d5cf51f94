import { readFileSync, statSync } from 'node:fs';
import { estimate } from '../../cost/estimate.ts';
import { applyPrices, PRICES, type PriceList } from '../../cost/prices.ts';
import { ConfigError } from '../../ingest/config-reader.ts';
import { type ParsedArgs, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { LOAD_OPTIONS, PART_OPTIONS, readAsked } from './loads.ts';
import { estimateLines, priceLines } from './print.ts';

export const costCommand: Command = {
  name: 'cost',
  effect: 'reads',
  summary: 'estimate what a load costs in a month, here and elsewhere',
  description: [
    'Puts list prices of us-east-1, without free tiers, to the requests and times that were measured. With --config for all ' +
      'parts that a deployment has on; without it for Parquet files that land in S3, or with --kafka-gb-per-day for ' +
      'records of Kafka. Nothing is asked of AWS.',
    'Storage and data transfer are not counted, nor is the Kafka itself. --prices FILE has other prices, as JSON: ' +
      '{"lambda.gbSecond": 0.0000166667}.',
  ],
  positionals: [],
  options: {
    config: { value: 'FILE', help: 'configuration of the deployment, a module or JSON' },
    ...LOAD_OPTIONS,
    ...PART_OPTIONS,
    prices: { value: 'FILE', help: 'other prices, as JSON' },
    'list-prices': { help: 'show the prices with their sources' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca cost --files-per-day 1000000 --tables 20 --table-files 1000000',
    'resaca cost --kafka-gb-per-day 50 --tables 8 --json',
    'resaca cost --config resaca.config.ts --files-per-day 50000 --messages-per-day 1000000',
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
  const { suite, loads } = await readAsked(args);
  const result = estimate(suite, loads, prices);
  if (args.flag('json')) await terminal.print(JSON.stringify(result, null, 2));
  else for (const line of estimateLines(result, prices)) await terminal.print(line);
  return EXIT.ok;
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
