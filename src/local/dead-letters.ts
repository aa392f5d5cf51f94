import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { DeadLetter } from './queue.ts';

/** Where messages end that could not be handled; a file with one JSON object a line, oldest first. */
export interface DeadLetterFile {
  readonly path: string;
  /** Returns when the letter is on disk. */
  append(letter: DeadLetter): void;
}

/**
 * Opens the file and empties it: what an earlier run could not handle is announced again by this one, if it is still
 * there to be handled. `earlier` is the number of those letters.
 */
export function openDeadLetters(path: string): DeadLetterFile & { readonly earlier: number } {
  const earlier = countLines(path);
  closeSync(openSync(path, 'w'));
  return {
    path,
    earlier,
    append(letter) {
      const file = openSync(path, 'a');
      try {
        writeSync(file, `${JSON.stringify(letter)}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    },
  };
}

function countLines(path: string): number {
  try {
    return readFileSync(path, 'latin1').split('\n').length - 1;
  } catch {
    return 0;
  }
}
