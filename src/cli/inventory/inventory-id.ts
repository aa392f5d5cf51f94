import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';

/**
 * Names the inventory at a path: every delivery has a `manifest.json`, and a position in one of them says nothing of another.
 * A manifest is known by its content, a data file by its name, size and time.
 */
export async function inventoryId(path: string): Promise<string> {
  const name = basename(path);
  if (name.endsWith('.json'))
    return `${name} ${createHash('sha256')
      .update(await readFile(path))
      .digest('hex')}`;
  const { size, mtimeMs } = await stat(path);
  return `${name} ${size} ${mtimeMs}`;
}
