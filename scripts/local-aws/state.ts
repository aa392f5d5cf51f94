import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHealthy, miniStackPython, spawnMiniStackInBackground } from './ministack.ts';

/** A local AWS that goes on between commands. */
export interface LocalAws {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** Of the server, and of its process group. */
  readonly pid: number;
}

/** Time in ms for the processes to end by themselves. */
const GRACE = 3_000;

/** The local AWS that runs, if one does, otherwise a new one. Throws `UnavailableError` without Python. */
export async function startLocalAws(folder: string): Promise<LocalAws & { readonly isNew: boolean }> {
  const running = await findLocalAws(folder);
  if (running !== undefined) return { ...running, isNew: false };
  const python = await miniStackPython();
  const files = join(folder, 'files');
  mkdirSync(files, { recursive: true });
  // Else the package.json of the repository would make modules of the scripts that MiniStack writes there.
  writeFileSync(join(files, 'package.json'), '{}');
  const { pid, endpoint, ready } = await spawnMiniStackInBackground(python, {
    folder: files,
    logFile: logFile(folder),
    mark: markOf(folder),
  });
  // Before it is ready: what hangs at start can be ended, too.
  writeFileSync(stateFile(folder), JSON.stringify({ endpoint, pid } satisfies LocalAws));
  await ready();
  return { endpoint, pid, isNew: true };
}

/** The local AWS of the folder; undefined when none runs or it does not answer. */
export async function findLocalAws(folder: string): Promise<LocalAws | undefined> {
  const state = readState(folder);
  if (state === undefined || !isOurs(state.pid, folder)) return undefined;
  if (await isHealthy(state.endpoint)) return state;
  await stopLocalAws(folder);
  return undefined;
}

/** Ends the local AWS with the functions that it runs, and forgets what it held; false when none ran. */
export async function stopLocalAws(folder: string): Promise<boolean> {
  const state = readState(folder);
  const runs = state !== undefined && isOurs(state.pid, folder);
  if (runs) {
    signalGroup(state.pid, 'SIGTERM');
    for (const end = Date.now() + GRACE; Date.now() < end && isOurs(state.pid, folder); ) await sleep(50);
    // The functions may outlive their server.
    signalGroup(state.pid, 'SIGKILL');
  }
  rmSync(stateFile(folder), { force: true });
  rmSync(join(folder, 'files'), { recursive: true, force: true });
  return runs;
}

export function logFile(folder: string): string {
  return join(folder, 'ministack.log');
}

function stateFile(folder: string): string {
  return join(folder, 'state.json');
}

/** Stands in the command line of the server, by which it is told from another process that has its number now. */
function markOf(folder: string): string {
  return `resaca-local-aws=${folder}`;
}

function readState(folder: string): LocalAws | undefined {
  try {
    const { endpoint, pid } = JSON.parse(readFileSync(stateFile(folder), 'utf8'));
    return typeof endpoint === 'string' && Number.isInteger(pid) ? { endpoint, pid } : undefined;
  } catch {
    // None, or one that was cut off while it was written: nothing can be said of a server.
    return undefined;
  }
}

function isOurs(pid: number, folder: string): boolean {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).includes(markOf(folder));
  } catch {
    return false;
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
