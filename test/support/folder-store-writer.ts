/**
 * A process of its own that creates the objects `0`, `1`, ... of a folder store, one after the other, each filled with
 * its writer's name, until all are there or it is killed. Prints the number of each one that it created itself.
 * Arguments: folder, writer's name (one letter), number of objects, bytes of each.
 */
import { createFolderStore } from '../../src/storage/folder-store.ts';

const [folder = '', writer = '', count = '0', size = '0'] = process.argv.slice(2);
const store = createFolderStore(folder);
for (let number = 0; number < Number(count); number += 1) {
  const result = await store.putIfAbsent(`log/${number}`, Buffer.alloc(Number(size), writer));
  if (result === 'created') process.stdout.write(`${number}\n`);
}
