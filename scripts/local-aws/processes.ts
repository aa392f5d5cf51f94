import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Time in ms for the processes to end by themselves. */
const GRACE = 3_000;
/** Time in ms in which the kernel ends them; it takes far less. */
const KILL_LIMIT = 10_000;
/** ms. */
const PAUSE = 50;
/** Small images of Linux come without ps, other systems without this. */
const PROC = '/proc';

/** Whether the process runs and its last argument is this one. */
export function runsWith(pid: number, argument: string): boolean {
  const before = commandLine(pid)?.split(argument, 2);
  return before?.[1] === '' && /[ \0]$/.test(before[0] ?? '');
}

/**
 * Ends all processes of the group that this process leads. Throws when some are still there after SIGKILL, for example
 * because they belong to another user.
 */
export async function endProcessGroup(leader: number): Promise<void> {
  for (const [signal, limit] of [
    ['SIGTERM', GRACE],
    ['SIGKILL', KILL_LIMIT],
  ] as const) {
    signalGroup(leader, signal);
    for (const end = Date.now() + limit; Date.now() < end; await sleep(PAUSE)) {
      if (!hasProcesses(leader)) return;
    }
  }
  throw new Error(`the processes of the group ${leader} do not end`);
}

/** Undefined when there is no such process. One that has ended and was not waited for yet has none, or is in brackets. */
function commandLine(pid: number): string | undefined {
  try {
    if (existsSync(`${PROC}/self`)) return readFileSync(`${PROC}/${pid}/cmdline`, 'utf8').replace(/\0$/, '');
    return execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).trimEnd();
  } catch {
    return undefined;
  }
}

/** Those that have ended do not count, though they keep their number until someone waits for them, which nobody may. */
function hasProcesses(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch (error) {
    if (isNoSuchProcess(error)) return false;
    throw error;
  }
  return !existsSync(`${PROC}/self`) || readdirSync(PROC).some((name) => /^\d+$/.test(name) && isAliveIn(group, name));
}

/** From proc_pid_stat(5): the state and the group are the third and the fifth field, behind a name in brackets. */
function isAliveIn(group: number, pid: string): boolean {
  try {
    const stat = readFileSync(`${PROC}/${pid}/stat`, 'utf8');
    const [state, , itsGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(itsGroup) === group && state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if (!isNoSuchProcess(error)) throw error;
  }
}

function isNoSuchProcess(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ESRCH';
}
