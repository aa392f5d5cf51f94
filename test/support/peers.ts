import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UnavailableError } from '../../scripts/local-aws/unavailable-error.ts';
import { PYTHON_PACKAGES } from './interop/engines.ts';
import { pythonEnv } from './python-env.ts';
import { makeTempFolder } from './temp-folder.ts';

const PEERS = join(import.meta.dirname, '../../../shared/peers');

/** Node has no reader of xz, and Python has. */
const UNPACK = `
import lzma, os, shutil, sys
with lzma.open(sys.argv[1]) as packed, open(sys.argv[2], "wb") as program:
    shutil.copyfileobj(packed, program)
os.chmod(sys.argv[2], 0o755)
`;

/** The path of another project's program, unpacked. Throws UnavailableError where it cannot be had or run. */
export async function unpackPeer(name: 'oxbow-lambda' | 'kafka-delta-ingest'): Promise<string> {
  const packed = join(PEERS, `${name}.xz`);
  if (!existsSync(packed) || process.platform !== 'linux' || process.arch !== 'x64') {
    throw new UnavailableError(`optional: ${packed}, a program for Linux on x86-64, cannot be had here`);
  }
  const program = join(makeTempFolder(), name);
  const python = await pythonEnv('interop', PYTHON_PACKAGES);
  await promisify(execFile)(join(python, 'bin/python'), ['-c', UNPACK, packed, program]);
  return program;
}
