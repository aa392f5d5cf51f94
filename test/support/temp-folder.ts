import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders: string[] = [];

/** An empty folder outside the repository, removed when the test file's process ends. */
export function makeTempFolder(): string {
  if (folders.length === 0) process.on('exit', removeAll);
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'resaca-test-'));
  folders.push(folder);
  return folder;
}

/** What a test has started may write its last files at this moment: a folder that is not empty is tried again. */
function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}
