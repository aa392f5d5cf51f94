import type { AppendConfig } from '../../ingest/config.ts';
import { startService } from '../../local/service.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { plural } from '../format.ts';
import { startDisplay } from './display.ts';
import { summaryLines } from './summary.ts';

export interface ServeOptions {
  readonly landing: string;
  readonly config: AppendConfig;
  readonly logFile: string | undefined;
  /** End when everything that is there was handled. */
  readonly once: boolean;
}

/** Serves a folder until it is interrupted, or until all is handled. */
export async function serve(
  { landing, config, logFile, once }: ServeOptions,
  { terminal, signal }: CommandContext,
): Promise<ExitCode> {
  const begin = Date.now();
  const service = await startService({ landing, config, ...(logFile !== undefined && { logFile }) });
  const title = `resaca serves ${service.root}`;
  terminal.note(`${title}\nlogs: ${service.logFile}${once ? '' : '\nCtrl-C to stop'}`);
  const display = startDisplay(terminal, () => ({ title, elapsed: Date.now() - begin, status: service.status() }));
  try {
    await Promise.race([service.done, aborted(signal), ...(once ? [service.untilIdle()] : [])]);
  } finally {
    display.stop();
    await service.stop();
  }
  await terminal.print((await summaryLines(service, createCheckpointReader(), terminal)).join('\n'));
  const { announced, deadLetters, quarantine } = service.status();
  await terminal.print(`${once && !signal.aborted ? 'Done' : 'Stopped'}: ${plural(announced, 'change')} announced.`);
  return once && deadLetters + quarantine.count() > 0 ? EXIT.incomplete : EXIT.ok;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
