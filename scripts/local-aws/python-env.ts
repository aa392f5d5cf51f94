import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UnavailableError } from './unavailable-error.ts';

const run = promisify(execFile);

const CACHE = join(import.meta.dirname, '../../.cache/python');
const MAKER = join(import.meta.dirname, 'python_env.py');

/** The oldest Python that all packages of the tests run on. */
const MINIMUM = [3, 11] as const;
/** Prints the version, and fails where Debian's python3 comes without the package python3-venv. */
const PROBE = 'import ensurepip, fcntl, venv, sys; print(sys.version_info[0], sys.version_info[1])';

/** Exit code of a shell, and so of the shims of pyenv, where there is no such command. */
const NO_COMMAND = 127;

/**
 * The folder of a virtual environment with these packages, given with exact versions (`name==1.2.3`). It is made under
 * `cache` on first use, which takes as long as pip takes, and found there from then on as long as Python's version and
 * the list of packages stay the same. May be called by many processes at once.
 * Throws `UnavailableError` without Python or without a package index.
 */
export async function pythonEnv(name: string, packages: readonly string[], cache = CACHE): Promise<string> {
  const python = await findPython();
  const hash = createHash('sha256')
    .update(JSON.stringify([python.version, ...packages]))
    .digest('hex');
  const folder = join(cache, `${name}-${hash.slice(0, 12)}`);
  if (existsSync(join(folder, 'complete'))) return folder;
  try {
    await run(python.command, [MAKER, folder, ...packages]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnavailableError(
      `pip could not install the Python packages of ${name}, for which it needs a package index: ${lastLine(reason)}`,
    );
  }
  return folder;
}

async function findPython(): Promise<{ command: string; version: string }> {
  let reason = 'Python is not installed';
  for (const command of ['python3', 'python']) {
    try {
      const { stdout } = await run(command, ['-c', PROBE]);
      const [major = 0, minor = 0] = stdout.trim().split(' ').map(Number);
      if (major === MINIMUM[0] && minor >= MINIMUM[1]) return { command, version: `${major}.${minor}` };
      reason = `Python is too old: ${major}.${minor}`;
    } catch (error) {
      const missing =
        error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === NO_COMMAND);
      if (!missing) reason = 'Python cannot make virtual environments: its venv or ensurepip module is missing';
    }
  }
  throw new UnavailableError(`${reason} (${MINIMUM.join('.')} or later is needed)`);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
