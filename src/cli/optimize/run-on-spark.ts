import { setTimeout as wait } from 'node:timers/promises';
import { emrServerlessEnvironment, SPARK_VARIABLES } from '../../aws/emr-env.ts';
import { loadSnapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { targetSizeOf } from '../../maintenance/optimize/optimize-table.ts';
import { countBins } from '../../maintenance/spark/bins.ts';
import {
  optimizeOnSpark,
  type SparkOptimizeOptions,
  type SparkOptimizeResult,
} from '../../maintenance/spark/optimize-on-spark.ts';
import type { SparkJobs } from '../../spark/jobs.ts';
import { UsageError } from '../args.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, formatCount, plural } from '../format.ts';
import { createEngine } from '../maintenance-engine.ts';
import type { RunElsewhere } from './command.ts';
import { asUsage, type OptimizeRequest } from './request.ts';

/** Time between two looks at the job, ms. */
const POLL_INTERVAL = 10_000;
/** Time for which the command waits unless it is told otherwise: that of the job. ms. */
const DEFAULT_MAX_TIME = 12 * 3_600_000;

/** `resaca optimize --engine spark`, on the application that the environment names. */
export const runOnSpark: RunElsewhere = createRunOnSpark(openEmrServerless);

/**
 * Has a Spark job do what the request asks for, waits for it and commits. An interrupt ends the waiting, not the job: the
 * same command goes on with it. Throws UsageError for options that only the local engine has.
 */
export function createRunOnSpark(open: () => Promise<SparkJobs>): RunElsewhere {
  return async (table, request, context) => {
    const { terminal, signal } = context;
    const options = binOptions(request);
    if (request.dryRun) return printDryRun(table, options, request, context);
    const jobs = stoppable(await open(), signal, (state) => terminal.show([`the Spark job is ${state.toLowerCase()}`]));
    const deadline = Date.now() + (request.maxTime ?? DEFAULT_MAX_TIME);
    try {
      const result = await asUsage(() => optimizeOnSpark(engine, table, { ...options, deadline }, jobs));
      terminal.endShow();
      if (request.json) await terminal.print(JSON.stringify({ table: table.url, ...result }, null, 2));
      else for (const line of resultLines(table, result)) await terminal.print(line);
      const isWhole = !result.remaining && result.failedBins + result.overtakenBins === 0;
      return isWhole ? EXIT.ok : EXIT.incomplete;
    } finally {
      terminal.endShow();
    }
  };
}

const engine = createEngine();

/** Loaded only when it is needed: the AWS SDK takes a moment. */
async function openEmrServerless(): Promise<SparkJobs> {
  const application = emrServerlessEnvironment();
  if (application === undefined) {
    throw new UsageError(`--engine spark needs the application in ${SPARK_VARIABLES.join(', ')}`);
  }
  const { createEmrServerlessJobs } = await import('../../aws/emr-serverless.ts');
  return createEmrServerlessJobs(application);
}

function binOptions({ options }: OptimizeRequest): Omit<SparkOptimizeOptions, 'deadline'> {
  const { targetSize, where, minAge, order, minFileSize, minInputFiles, maxBytes, dropUnknownColumns } = options;
  const local = {
    'min-file-size': minFileSize,
    'min-files': minInputFiles,
    'max-bytes': maxBytes,
    'drop-unknown-columns': dropUnknownColumns === true || undefined,
    'sort-by': order?.kind === 'sort' || undefined,
  };
  const unfit = Object.entries(local).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`]));
  if (unfit.length > 0) throw new UsageError(`${unfit.join(', ')}: only the local engine has this`);
  return {
    ...(targetSize !== undefined && { targetFileSize: targetSize }),
    ...(where !== undefined && { where }),
    ...(minAge !== undefined && { before: Date.now() - minAge }),
    ...(order !== undefined && { zOrderBy: order.columns }),
  };
}

/** Jobs that are no longer waited for after an interrupt. */
function stoppable(jobs: SparkJobs, signal: AbortSignal, onState: (state: string) => void): SparkJobs {
  return {
    ...jobs,
    async wait(id, deadline) {
      for (;;) {
        const outcome = await jobs.wait(id, Date.now());
        if (outcome.kind !== 'running') return outcome;
        onState(outcome.state);
        if (signal.aborted || Date.now() + POLL_INTERVAL >= deadline) return outcome;
        await wait(POLL_INTERVAL, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

async function printDryRun(
  table: TableRef,
  options: ReturnType<typeof binOptions>,
  { json }: OptimizeRequest,
  { terminal }: CommandContext,
): Promise<ExitCode> {
  const snapshot = await loadSnapshot(table, engine.reader);
  const { targetFileSize = targetSizeOf(snapshot) } = options;
  const totals = await countBins(snapshot, engine.reader, { ...options, targetFileSize });
  const { bins, files, bytes } = totals;
  const text = `${table.url}: ${plural(files, 'file')} would be rewritten in ${plural(bins, 'bin')}, ${formatBytes(bytes)}`;
  await terminal.print(json ? JSON.stringify({ table: table.url, dryRun: true, ...totals }, null, 2) : text);
  return EXIT.ok;
}

function resultLines({ url }: TableRef, result: SparkOptimizeResult): string[] {
  const { state, job, filesRemoved, filesAdded, bytesRemoved, bytesAdded, versions } = result;
  if (state === 'nothing') return [`${url}: no small files to put together`];
  const lines: string[] = [];
  if (filesRemoved > 0) {
    lines.push(
      `${url}: ${plural(filesRemoved, 'file')} became ${formatCount(filesAdded)}, ${formatBytes(bytesRemoved)} became ` +
        `${formatBytes(bytesAdded)} (${plural(versions.length, 'commit')})`,
    );
  }
  if (result.earlierBins > 0) lines.push(`${plural(result.earlierBins, 'bin')} committed before`);
  if (result.overtakenBins > 0)
    lines.push(`${plural(result.overtakenBins, 'bin')} given up: other writers changed them`);
  if (result.failedBins > 0) lines.push(`${plural(result.failedBins, 'bin')} failed: ${result.firstError}`);
  if (result.remaining) lines.push(`the Spark job ${job} is ${state}: the same command goes on with it`);
  return lines;
}
