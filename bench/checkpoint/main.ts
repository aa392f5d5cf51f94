/**
 * What a checkpoint of a large table costs: `node bench/checkpoint/main.ts`, with `--python PATH` beside delta-rs (a Python
 * that has deltalake). `--files N` is the size of the table, `--memory MB` that of the function whose limits the process
 * gets. Over a local folder, each in a process of its own: to be compared with each other.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { lambdaNodeArguments } from '../lambda-runtime.ts';
import type { CheckpointCost } from './run.ts';

interface PeerCost {
  readonly ms: number;
  readonly openMs: number;
  readonly cpuMs: number;
  readonly peakRss: number;
}

const MIB = 2 ** 20;

const { values: options } = parseArgs({
  options: {
    files: { type: 'string', default: '1000000' },
    memory: { type: 'string', default: '1024' },
    python: { type: 'string' },
  },
});
const limits = lambdaNodeArguments(Number(options.memory));

const folder = mkdtempSync(join(tmpdir(), 'resaca-bench-checkpoint-'));
try {
  main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function main(): void {
  console.log(`tables of ${Number(options.files).toLocaleString('en')} files, limits of ${options.memory} MB\n`);
  print('first, from commits alone', checkpoint(make('commits')));

  const classic = make('classic');
  script('append.ts', [classic, '10', '10']);
  const hint = readFileSync(hintOf(classic));
  const before = new Set(readdirSync(join(classic, '_delta_log')));
  print('classic, 10 commits of 10 files later', checkpoint(classic));
  for (const name of readdirSync(join(classic, '_delta_log'))) {
    if (!before.has(name)) rmSync(join(classic, '_delta_log', name));
  }
  writeFileSync(hintOf(classic), hint);
  printPeer(classic);

  const v2 = make('v2');
  for (const [commits, files] of [
    ['1', '100'],
    ['10', '100'],
  ] as const) {
    script('append.ts', [v2, commits, files]);
    print(`V2, ${commits} commit(s) of ${files} files later`, checkpoint(v2));
  }
}

function make(kind: string): string {
  const table = join(folder, kind);
  script('make-table.ts', [table, options.files, kind]);
  return table;
}

function checkpoint(table: string): CheckpointCost {
  return JSON.parse(script('run.ts', [table], limits)) as CheckpointCost;
}

function script(name: string, args: readonly string[], flags: readonly string[] = []): string {
  return run(process.execPath, [...flags, join(import.meta.dirname, name), ...args]);
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stderr}`);
  return stdout;
}

function hintOf(table: string): string {
  return join(table, '_delta_log', '_last_checkpoint');
}

function print(what: string, { ms, cpuMs, peakRss, requests, bytesRead, result }: CheckpointCost): void {
  const { bytes = 0, bytesWritten = 0, sidecars } = result.written ?? {};
  const cells = [
    `${seconds(ms)} (CPU ${seconds(cpuMs)})`,
    `peak RSS ${(peakRss / MIB).toFixed(0)} MiB`,
    `${requests.get} GET, ${requests.head} HEAD, ${requests.list} LIST, ${requests.put} PUT`,
    `${megabytes(bytesRead)} read, ${megabytes(bytesWritten)} of ${megabytes(bytes)} written`,
    ...(result.kind === 'v2' ? [`${sidecars?.reused} sidecars reused, ${sidecars?.written} written`] : []),
  ];
  console.log(`${what}: ${cells.join('; ')}`);
}

function printPeer(table: string): void {
  if (options.python === undefined) {
    console.log('delta-rs: skipped, no --python given');
    return;
  }
  const cost = JSON.parse(run(options.python, [join(import.meta.dirname, 'delta_rs.py'), table])) as PeerCost;
  const { ms, openMs, cpuMs, peakRss } = cost;
  const times = `${seconds(ms)} (CPU ${seconds(cpuMs)}), ${seconds(openMs)} of them to open the table`;
  const written = megabytes(statSync(newestCheckpoint(table)).size);
  console.log(`the same with delta-rs: ${times}; peak RSS ${(peakRss / MIB).toFixed(0)} MiB; ${written} written`);
}

function newestCheckpoint(table: string): string {
  const log = join(table, '_delta_log');
  const names = readdirSync(log).filter((name) => name.endsWith('.checkpoint.parquet'));
  return join(log, names.sort().at(-1) ?? '');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
