import { type LeftAlone, MAX_LEFT_ALONE } from './options.ts';

/** Collects the files that stay as they are; of many, only the first are named. */
export class LeftAloneList {
  readonly #files: LeftAlone[] = [];
  #count = 0;

  add(path: string, reason: string): void {
    this.#count++;
    if (this.#files.length < MAX_LEFT_ALONE) this.#files.push({ path, reason });
  }

  get files(): readonly LeftAlone[] {
    return this.#files;
  }

  get count(): number {
    return this.#count;
  }
}
