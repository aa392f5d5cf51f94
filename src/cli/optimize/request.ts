import type { OptimizeOptions } from '../../maintenance/optimize/options.ts';
import { type PartitionFilter, parsePartitionFilter } from '../../maintenance/optimize/where.ts';
import { type ParsedArgs, parseWholeNumber, UsageError } from '../args.ts';
import { parseBytes, parseDuration } from '../units.ts';

export type Engine = 'local' | 'spark';

/** What the command line asks for, whichever engine does it. */
export interface OptimizeRequest {
  /** As it was given: a local path or `s3://bucket/prefix`. */
  readonly location: string;
  readonly engine: Engine;
  readonly dryRun: boolean;
  readonly json: boolean;
  /** ms that the run may take. */
  readonly maxTime?: number;
  /** All but the deadline, which begins with the run. */
  readonly options: Omit<OptimizeOptions, 'deadline' | 'dryRun' | 'onBin' | 'shouldStop'>;
}

/** Reads the command line. Throws UsageError. */
export function parseRequest(args: ParsedArgs): OptimizeRequest {
  const optional = <T>(name: string, parse: (text: string, option: string) => T): T | undefined => {
    const text = args.value(name);
    return text === undefined ? undefined : parse(text, name);
  };
  const targetSize = optional('target-size', parseBytes);
  const minFileSize = optional('min-file-size', parseBytes);
  const minInputFiles = optional('min-files', (text, option) => parseWholeNumber(text, option, 2));
  const minAge = optional('older-than', parseDuration);
  const maxBytes = optional('max-bytes', parseBytes);
  const maxTime = optional('max-time', parseDuration);
  const order = parseOrder(args);
  return {
    location: args.positionals[0] ?? '',
    engine: parseEngine(args.value('engine') ?? 'local'),
    dryRun: args.flag('dry-run'),
    json: args.flag('json'),
    ...(maxTime !== undefined && { maxTime }),
    options: {
      where: args.values('where').map(parseFilter),
      dropUnknownColumns: args.flag('drop-unknown-columns'),
      ...(targetSize !== undefined && { targetSize }),
      ...(minFileSize !== undefined && { minFileSize }),
      ...(minInputFiles !== undefined && { minInputFiles }),
      ...(minAge !== undefined && { minAge }),
      ...(maxBytes !== undefined && { maxBytes }),
      ...(order !== undefined && { order }),
    },
  };
}

function parseEngine(text: string): Engine {
  if (text === 'local' || text === 'spark') return text;
  throw new UsageError(`--engine expects local or spark, got "${text}"`);
}

function parseFilter(text: string): PartitionFilter {
  try {
    return parsePartitionFilter(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`--where: ${error.message}`);
  }
}

function parseOrder(args: ParsedArgs): OptimizeOptions['order'] {
  const [sort, zOrder] = [args.value('sort-by'), args.value('z-order')];
  if (sort !== undefined && zOrder !== undefined) throw new UsageError('--sort-by and --z-order exclude each other');
  if (sort !== undefined) return { kind: 'sort', columns: columnsOf(sort, 'sort-by') };
  return zOrder === undefined ? undefined : { kind: 'z-order', columns: columnsOf(zOrder, 'z-order') };
}

function columnsOf(text: string, option: string): string[] {
  const columns = text.split(',').map((name) => name.trim());
  if (columns.every((name) => name !== '')) return columns;
  throw new UsageError(`--${option} expects names of columns such as a,b, got "${text}"`);
}

/** Runs a request; what it says of a filter or an order that does not fit the table becomes a UsageError. */
export async function asUsage<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}
