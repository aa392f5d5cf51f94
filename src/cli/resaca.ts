#!/usr/bin/env node
import { createInterface } from 'node:readline/promises';
import project from '../../package.json' with { type: 'json' };
import { parseCommandLine, UsageError } from './args.ts';
import { COMMON_OPTIONS, type Command, commandHelp, programHelp } from './command.ts';
import { describeError } from './describe-error.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { createTerminal, type Terminal } from './terminal.ts';

/** Loaded when needed, because each brings its own libraries along. */
async function loadCommands(): Promise<readonly Command[]> {
  const [
    start,
    inspect,
    convert,
    checkpoint,
    optimize,
    vacuum,
    cleanLog,
    doctor,
    deadLetters,
    kafka,
    replay,
    orphans,
    cost,
    cdfExport,
    cdfShow,
  ] = await Promise.all([
    import('./start/command.ts'),
    import('./inspect/command.ts'),
    import('./convert/command.ts'),
    import('./checkpoint/command.ts'),
    import('./optimize/command.ts'),
    import('./vacuum/command.ts'),
    import('./clean-log/command.ts'),
    import('./doctor/command.ts'),
    import('./dead-letters/command.ts'),
    import('./kafka/command.ts'),
    import('./kafka-replay/command.ts'),
    import('./kafka-orphans/command.ts'),
    import('./cost/command.ts'),
    import('./cdf-export/command.ts'),
    import('./cdf-show/command.ts'),
  ]);
  return [
    start.startCommand,
    inspect.inspectCommand,
    convert.convertCommand,
    doctor.doctorCommand,
    checkpoint.checkpointCommand,
    optimize.createOptimizeCommand({
      spark: async (...work) => (await import('./optimize/run-on-spark.ts')).runOnSpark(...work),
    }),
    vacuum.vacuumCommand,
    cleanLog.cleanLogCommand,
    deadLetters.deadLettersCommand,
    kafka.kafkaCommand,
    replay.kafkaReplayCommand,
    orphans.kafkaOrphansCommand,
    cost.costCommand,
    cdfExport.cdfExportCommand,
    cdfShow.cdfShowCommand,
  ];
}

/** Other names of commands. */
const ALIASES: ReadonlyMap<string, string> = new Map([['kafka run', 'kafka']]);

/** The command that arguments begin with, whose name may be two words, and the arguments behind it. */
function findCommand(commands: readonly Command[], args: readonly string[]) {
  for (const words of [2, 1]) {
    const name = args.slice(0, words).join(' ');
    const command = commands.find((known) => known.name === (ALIASES.get(name) ?? name));
    if (command !== undefined) return { command, rest: args.slice(words) };
  }
  return undefined;
}

async function main(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [name] = args;
  if (name === '--version') {
    await terminal.print(project.version);
    return EXIT.ok;
  }
  const commands = await loadCommands();
  if (name === '--help') {
    await terminal.print(programHelp(commands));
    return EXIT.ok;
  }
  const found = findCommand(commands, args);
  try {
    if (name === undefined) throw new UsageError('a command is missing');
    if (found === undefined) throw new UsageError(`unknown command "${name}"`);
    return await runCommand(found.command, found.rest, terminal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.note(`resaca: ${error.message}`);
    terminal.note(`See: resaca ${found === undefined ? '' : `${found.command.name} `}--help`);
    return EXIT.usage;
  }
}

async function runCommand(command: Command, args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  if (args.includes('--help')) {
    await terminal.print(commandHelp(command));
    return EXIT.ok;
  }
  const parsed = parseCommandLine(args, { ...command, options: { ...command.options, ...COMMON_OPTIONS } });
  const signal = command.stopsCleanly === true ? interruptSignal(terminal) : new AbortController().signal;
  return command.run(parsed, { terminal, signal, ask: askOn(process.stdin) });
}

/** Aborted by the first SIGINT or SIGTERM; the second ends the process at once. */
function interruptSignal(terminal: Terminal): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) {
        terminal.endShow('keep');
        process.exit(EXIT.interrupted);
      }
      controller.abort();
    });
  }
  return controller.signal;
}

function askOn(input: NodeJS.ReadStream): ((question: string) => Promise<string>) | undefined {
  if (!input.isTTY) return undefined;
  return async (question) => {
    const lines = createInterface({ input, output: process.stderr });
    try {
      return await lines.question(question);
    } finally {
      lines.close();
    }
  };
}

/** A reader that takes no more (`| head`) is no failure. */
function exitOnClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.ok);
  });
}

const terminal = createTerminal(process.stdout, process.stderr);
exitOnClosedPipe(process.stdout);
exitOnClosedPipe(process.stderr);
try {
  process.exitCode = await main(process.argv.slice(2), terminal);
} catch (error) {
  terminal.endShow();
  const [first, ...more] = describeError(error);
  terminal.note(`resaca: ${first}`);
  for (const line of more) terminal.note(`  ${line}`);
  if (process.argv.includes('--debug')) terminal.note(error instanceof Error ? String(error.stack) : String(error));
  process.exitCode = EXIT.failed;
}
