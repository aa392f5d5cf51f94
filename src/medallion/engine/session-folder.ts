import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** Folders of the sessions of this process that are open. */
const open = new Set<string>();

export interface SessionFolder {
  /** Absolute. */
  readonly path: string;
  /** Removes it with all that is in it. */
  remove(): Promise<void>;
}

/**
 * Makes a folder for a session. Those of processes that ended without closing theirs are removed: a function that was
 * stopped leaves its files to the next one in its place.
 */
export async function createSessionFolder(tempDir: string): Promise<SessionFolder> {
  const root = resolve(tempDir);
  await removeLeftBehind(root);
  const path = await mkdtemp(join(root, `${PREFIX}${process.pid}-`));
  open.add(path);
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true });
      open.delete(path);
    },
  };
}

const PREFIX = 'resaca-step-';

async function removeLeftBehind(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const pid = /^resaca-step-(\d+)-/.exec(name)?.[1];
    const path = join(root, name);
    // A new process may have the number of the one before.
    const isAbandoned = pid !== undefined && (Number(pid) === process.pid ? !open.has(path) : !isAlive(Number(pid)));
    if (isAbandoned) await rm(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // One of another user is there, too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
