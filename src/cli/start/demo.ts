import { realpath } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAppendConfig } from '../../ingest/config.ts';
import { produceFiles } from '../../local/demo/producer.ts';
import { createRandom } from '../../local/demo/random.ts';
import { type DemoFile, demoFiles } from '../../local/demo/schedule.ts';
import { type Service, startService } from '../../local/service.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { plural } from '../format.ts';
import { checkDemo } from './check-demo.ts';
import { startDisplay } from './display.ts';
import { shellWord } from './read-commands.ts';
import { readingLines, summaryLines } from './summary.ts';

/** Time between two files, ms; with the number of files it makes the demo last about seven seconds. */
const INTERVAL = 240;
/** After all files have landed, they must be in their tables within this time, ms. Far more than it takes. */
const LIMIT = 60_000;
/** When the second delivery of a notification comes after the first, ms. */
const REDELIVERY_DELAY = 2_000;

/** Lets files land in a folder, shows how they become tables, and checks that each one did exactly once. */
export async function runDemo(
  { landing, logFile }: { readonly landing: string; readonly logFile: string | undefined },
  { terminal, signal }: CommandContext,
): Promise<ExitCode> {
  const begin = Date.now();
  const files = demoFiles(createRandom(begin), begin);
  const landed = { files: 0, bytes: 0, planned: files.length };
  const redeliveries: Promise<void>[] = [];
  const service: Service = await startService({
    landing,
    config: parseAppendConfig({}),
    ...(logFile !== undefined && { logFile }),
    settings: { settleIncomplete: 1_500, batchWindow: 700, concurrency: 1 },
    onChange({ key }, body) {
      const twice = files.some((file) => file.deliveredTwice && file.key === key);
      if (twice) redeliveries.push(sleep(REDELIVERY_DELAY).then(() => service.redeliver(body)));
    },
  });
  const root = await realpath(landing);
  const title = `Files land in ${root}`;
  if (!terminal.isLive) terminal.note(title);
  const display = startDisplay(terminal, () => ({
    title,
    elapsed: Date.now() - begin,
    status: service.status(),
    landed,
  }));
  try {
    await produceFiles({
      root,
      files,
      interval: INTERVAL,
      signal,
      onLanded(_file, bytes) {
        landed.files += 1;
        landed.bytes += bytes;
      },
    });
    await untilAllIsHandled(service, files, redeliveries, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    display.stop();
    await service.stop();
  }
  return report(service, files, begin, { terminal, signal });
}

async function untilAllIsHandled(
  service: Service,
  files: readonly DemoFile[],
  redeliveries: readonly Promise<void>[],
  signal: AbortSignal,
): Promise<void> {
  const end = Date.now() + LIMIT;
  while (service.status().announced < files.length && Date.now() < end) await sleep(50, undefined, { signal });
  await Promise.all(redeliveries);
  await Promise.race([service.untilIdle(), sleep(Math.max(0, end - Date.now()), undefined, { signal, ref: false })]);
}

async function report(
  service: Service,
  files: readonly DemoFile[],
  begin: number,
  { terminal, signal }: Pick<CommandContext, 'terminal' | 'signal'>,
): Promise<ExitCode> {
  const { style } = terminal;
  const reader = createCheckpointReader();
  await terminal.print((await summaryLines(service, reader, terminal)).join('\n'));
  await terminal.print(`\nLogs of the append function: ${service.logFile}`);
  if (signal.aborted) {
    await terminal.print('Stopped before all files had landed; the next start goes on from here.');
    return EXIT.failed;
  }
  const example = service.tableRef(files[0]?.table ?? '').url;
  await terminal.print(readingLines(example, terminal).join('\n'));
  await terminal.print(`\n${style.bold('Look inside')}\nnpm run resaca -- inspect ${shellWord(example)}\n`);
  const problems = await checkDemo(service, reader, files);
  if (problems.length > 0) {
    for (const problem of problems) terminal.note(style.red(`wrong: ${problem}`));
    return EXIT.failed;
  }
  const good = files.filter(({ corrupt }) => !corrupt).length;
  const rest = files.length - good;
  const seconds = ((Date.now() - begin) / 1000).toFixed(1);
  await terminal.print(
    style.green(
      `All ${plural(files.length, 'file')} arrived as expected in ${seconds} s: ${good} in their tables, each once,\n` +
        `one of them in spite of a repeated event; ${plural(rest, 'corrupt file')} in quarantine.`,
    ),
  );
  return EXIT.ok;
}
