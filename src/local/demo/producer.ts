import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DemoFile } from './schedule.ts';

export interface ProducerOptions {
  /** The landing folder. */
  readonly root: string;
  readonly files: readonly DemoFile[];
  /** Time between the beginnings of two files, ms. */
  readonly interval: number;
  readonly signal: AbortSignal;
  readonly onLanded: (file: DemoFile, bytes: number) => void;
}

/** Pieces in which a slow file is written. */
const PIECES = 6;

/** Lets the files land one after the other; a slow one is still being written while the next ones come. */
export async function produceFiles({ root, files, interval, signal, onLanded }: ProducerOptions): Promise<void> {
  const begin = Date.now();
  const slow: Promise<void>[] = [];
  for (const [index, file] of files.entries()) {
    await sleep(Math.max(0, begin + index * interval - Date.now()), undefined, { signal });
    const content = file.content();
    const path = join(root, ...file.key.split('/'));
    await mkdir(dirname(path), { recursive: true });
    if (file.landing === 'moved') {
      await moveIntoPlace(path, content);
      onLanded(file, content.byteLength);
    } else {
      const written = writeInPieces(path, content, interval).then(() => onLanded(file, content.byteLength));
      written.catch(() => undefined); // reported when all are awaited
      slow.push(written);
    }
  }
  await Promise.all(slow);
}

/** As careful writers do: under a hidden name first. */
async function moveIntoPlace(path: string, content: Uint8Array): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  await writeFile(temporary, content);
  await rename(temporary, path);
}

async function writeInPieces(path: string, content: Uint8Array, pause: number): Promise<void> {
  const size = Math.ceil(content.byteLength / PIECES);
  for (let start = 0; start < content.byteLength; start += size) {
    await appendFile(path, content.subarray(start, start + size));
    await sleep(pause);
  }
}
