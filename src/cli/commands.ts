import type { Command } from './command.ts';

type Load = () => Promise<Command>;

const OWN: readonly (readonly [name: string, load: Load])[] = [
  ['start', async () => (await import('./start/command.ts')).startCommand],
  ['inspect', async () => (await import('./inspect/command.ts')).inspectCommand],
  ['convert', async () => (await import('./convert/command.ts')).convertCommand],
  ['load', async () => (await import('./load/command.ts')).loadCommand],
  ['report', async () => (await import('./report/command.ts')).reportCommand],
  ['doctor', async () => (await import('./doctor/command.ts')).doctorCommand],
  ['checkpoint', async () => (await import('./checkpoint/command.ts')).checkpointCommand],
  ['optimize', loadOptimize],
  ['vacuum', async () => (await import('./vacuum/command.ts')).vacuumCommand],
  ['clean-log', async () => (await import('./clean-log/command.ts')).cleanLogCommand],
  ['reconcile', async () => (await import('./reconcile/command.ts')).reconcileCommand],
  ['backfill', async () => (await import('./backfill/command.ts')).backfillCommand],
  ['merge', async () => (await import('./merge/command.ts')).mergeCommand],
  ['tag', async () => (await import('./tag/command.ts')).tagCommand],
  ['quarantine', async () => (await import('./quarantine/command.ts')).quarantineCommand],
  ['glue sync', async () => (await import('./glue-sync/command.ts')).glueSyncCommand],
  ['dead-letters', async () => (await import('./dead-letters/command.ts')).deadLettersCommand],
  ['kafka', async () => (await import('./kafka/command.ts')).kafkaCommand],
  ['kafka replay', async () => (await import('./kafka-replay/command.ts')).kafkaReplayCommand],
  ['kafka orphans', async () => (await import('./kafka-orphans/command.ts')).kafkaOrphansCommand],
  ['queue replay', async () => (await import('./queue-replay/command.ts')).queueReplayCommand],
  ['cdf export', async () => (await import('./cdf-export/command.ts')).cdfExportCommand],
  ['cdf show', async () => (await import('./cdf-show/command.ts')).cdfShowCommand],
  ['step run', async () => (await import('./step-run/command.ts')).stepRunCommand],
  ['step status', async () => (await import('./step-status/command.ts')).stepStatusCommand],
  ['step reset', async () => (await import('./step-reset/command.ts')).stepResetCommand],
  ['step retry', async () => (await import('./step-retry/command.ts')).stepRetryCommand],
  ['graph', async () => (await import('./graph/command.ts')).graphCommand],
  ['cost', async () => (await import('./cost/command.ts')).costCommand],
];

async function loadOptimize(): Promise<Command> {
  const { createOptimizeCommand } = await import('./optimize/command.ts');
  return createOptimizeCommand({
    spark: async (...work) => (await import('./optimize/run-on-spark.ts')).runOnSpark(...work),
  });
}

/** Completes what all the others take. */
async function loadCompletion(): Promise<Command> {
  const { createCompletionCommand } = await import('./completion/command.ts');
  return createCompletionCommand(await Promise.all(OWN.map(([, load]) => load())));
}

/** The commands by name, in the order of the help. Each is loaded when it is needed: it brings its own libraries along. */
export const COMMANDS: ReadonlyMap<string, Load> = new Map<string, Load>([...OWN, ['completion', loadCompletion]]);
