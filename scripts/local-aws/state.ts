import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackOutputs } from './cdk.ts';
import { isHealthy, miniStackPython, spawnMiniStackInBackground } from './ministack.ts';
import { endProcessGroup, runsWith } from './processes.ts';

/** A local AWS that goes on between commands, as its state file tells. */
export interface LocalAws {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** Of the server, and of its process group. */
  readonly pid: number;
  /** Whether `cdk bootstrap` was done to its end. */
  readonly isBootstrapped: boolean;
  /** Of the stacks that were deployed, by their names. */
  readonly stacks: Readonly<Record<string, StackOutputs>>;
}

/** The local AWS that runs, if one does, otherwise a new one. Throws `UnavailableError` without Python. */
export async function startLocalAws(folder: string): Promise<LocalAws> {
  const running = await findLocalAws(folder);
  if (running !== undefined) return running;
  const python = await miniStackPython();
  const files = filesFolder(folder);
  rmSync(files, { recursive: true, force: true });
  mkdirSync(files, { recursive: true });
  // Else the package.json of the repository would make modules of the scripts that MiniStack writes there.
  writeFileSync(join(files, 'package.json'), '{}');
  const { pid, endpoint, ready } = await spawnMiniStackInBackground(python, {
    folder: files,
    logFile: logFile(folder),
    mark: markOf(folder),
  });
  const aws = { endpoint, pid, isBootstrapped: false, stacks: {} };
  // Before it is ready: what hangs at start can be ended, too.
  saveLocalAws(folder, aws);
  await ready();
  return aws;
}

/** The local AWS of the folder; undefined when none runs. One that does not answer is ended. */
export async function findLocalAws(folder: string): Promise<LocalAws | undefined> {
  const state = readState(folder);
  if (state === undefined || !runsWith(state.pid, markOf(folder))) return undefined;
  if (await isHealthy(state.endpoint)) return state;
  await stopLocalAws(folder);
  return undefined;
}

/** Keeps what is to be known of it by the next command. */
export function saveLocalAws(folder: string, aws: LocalAws): void {
  const temporary = `${stateFile(folder)}.new`;
  writeFileSync(temporary, `${JSON.stringify(aws, undefined, 2)}\n`);
  renameSync(temporary, stateFile(folder));
}

/** Ends the local AWS with the functions that it runs, and forgets what it held; false when none ran. */
export async function stopLocalAws(folder: string): Promise<boolean> {
  const state = readState(folder);
  const runs = state !== undefined && runsWith(state.pid, markOf(folder));
  if (runs) await endProcessGroup(state.pid);
  rmSync(stateFile(folder), { force: true });
  rmSync(filesFolder(folder), { recursive: true, force: true });
  return runs;
}

export function logFile(folder: string): string {
  return join(folder, 'ministack.log');
}

function stateFile(folder: string): string {
  return join(folder, 'state.json');
}

/** What MiniStack writes while it runs. */
function filesFolder(folder: string): string {
  return join(folder, 'files');
}

/** An argument of the server, by which it is told from another process that has its number now. */
function markOf(folder: string): string {
  return `resaca-local-aws=${folder}`;
}

function readState(folder: string): LocalAws | undefined {
  try {
    const state = JSON.parse(readFileSync(stateFile(folder), 'utf8'));
    const { endpoint, pid, isBootstrapped = false, stacks = {} } = state;
    return typeof endpoint === 'string' && Number.isInteger(pid) && pid > 1
      ? { endpoint, pid, isBootstrapped: isBootstrapped === true, stacks }
      : undefined;
  } catch {
    // None, or one that is no JSON: nothing can be said of a server.
    return undefined;
  }
}
