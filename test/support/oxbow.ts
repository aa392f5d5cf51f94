import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { oxbow } from '../../bench/append/contenders.ts';
import type { RunningFunction } from '../../bench/lambda-runtime.ts';
import { CREDENTIALS } from '../../scripts/local-aws/ministack.ts';
import { UnavailableError } from '../../scripts/local-aws/unavailable-error.ts';
import { PYTHON_PACKAGES } from './interop/engines.ts';
import { pythonEnv } from './python-env.ts';
import { makeTempFolder } from './temp-folder.ts';

const PACKED = join(import.meta.dirname, '../../../shared/peers/oxbow-lambda.xz');

const UNPACK = `
import lzma, os, shutil, sys
with lzma.open(sys.argv[1]) as packed, open(sys.argv[2], "wb") as program:
    shutil.copyfileobj(packed, program)
os.chmod(sys.argv[2], 0o755)
`;

/** oxbow's Lambda, as its authors build it; starts it with S3 at `endpoint`. Throws UnavailableError where it is not. */
export async function findOxbow(): Promise<(endpoint: string) => Promise<RunningFunction>> {
  if (!existsSync(PACKED) || process.platform !== 'linux' || process.arch !== 'x64') {
    throw new UnavailableError(`optional: ${PACKED}, a program for Linux on x86-64, cannot be had here`);
  }
  const program = join(makeTempFolder(), 'oxbow-lambda');
  const python = await pythonEnv('interop', PYTHON_PACKAGES);
  execFileSync(join(python, 'bin/python'), ['-c', UNPACK, PACKED, program]);
  return (endpoint) => oxbow(program, { name: 'S3', endpoint, credentials: CREDENTIALS }).start(endpoint);
}
