/** What a bin is made of. */
export interface Sized {
  /** Bytes. */
  readonly size: number;
}

/** Files of a bin at most: their footers are held while it is made. */
export const MAX_BIN_FILES = 1_000;

export interface BinRules {
  /** Bytes of a bin at most, but for one file that is larger by itself. */
  readonly targetSize: number;
  /** Fewest files of a bin. */
  readonly minFiles: number;
  /** @default MAX_BIN_FILES */
  readonly maxFiles?: number;
}

/**
 * Puts the files, in their order, into bins: consecutive ones, so that rows stay near those that they came with, and the
 * order of the files is that of the rows. A bin of too few files is none.
 */
export function packBins<T extends Sized>(files: readonly T[], rules: BinRules): T[][] {
  const { targetSize, minFiles, maxFiles = MAX_BIN_FILES } = rules;
  const bins: T[][] = [];
  let bin: T[] = [];
  let bytes = 0;
  for (const file of files) {
    if (bin.length > 0 && (bytes + file.size > targetSize || bin.length === maxFiles)) {
      bins.push(bin);
      bin = [];
      bytes = 0;
    }
    bin.push(file);
    bytes += file.size;
  }
  if (bin.length > 0) bins.push(bin);
  return bins.filter(({ length }) => length >= Math.max(2, minFiles));
}

/** Bytes of all files. */
export function totalSize(files: readonly Sized[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
