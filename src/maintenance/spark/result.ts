import { listIn, mismatch, numberIn, objectOf, textIn } from '../../spark/fields.ts';
import type { OutputFile } from '../../spark/written-file.ts';

/**
 * The result of a run, `result.jsonl`, which `spark/optimize.py` writes: a line for the head with `format` and `run`, a
 * line for each bin of the plan in the plan's order, a line for the end, `{"end":true,"bins":n}`, with totals.
 */
export const RESULT_FORMAT = 1;

/** What became of a bin. */
export type BinResult =
  | { readonly bin: number; readonly outputs: readonly OutputFile[] }
  | { readonly bin: number; readonly error: string };

export type ResultLine =
  | { readonly kind: 'head'; readonly run: string }
  | { readonly kind: 'bin'; readonly result: BinResult }
  | { readonly kind: 'end'; readonly bins: number };

/** Parses the value of a line strictly. Throws `InvalidField`. */
export function parseResultLine(value: unknown): ResultLine {
  if (typeof value === 'object' && value !== null && 'format' in value) {
    const fields = objectOf(value, 'the head', ['format', 'run', 'spark']);
    if (fields.format !== RESULT_FORMAT) throw mismatch('format', fields.format, String(RESULT_FORMAT));
    return { kind: 'head', run: textIn(fields, 'run') };
  }
  if (typeof value === 'object' && value !== null && 'end' in value) {
    const fields = objectOf(value, 'the end', ['end', 'bins', 'failed', 'files', 'bytes']);
    return { kind: 'end', bins: numberIn(fields, 'bins') };
  }
  return { kind: 'bin', result: parseBinResult(value) };
}

function parseBinResult(value: unknown): BinResult {
  const fields = objectOf(value, 'a bin', ['bin', 'outputs', 'error']);
  const bin = numberIn(fields, 'bin');
  if (fields.error !== undefined) return { bin, error: textIn(fields, 'error') };
  return {
    bin,
    outputs: listIn(fields, 'outputs').map((output) => {
      const file = objectOf(output, 'an output', ['path', 'size']);
      return { path: textIn(file, 'path'), size: numberIn(file, 'size', 1) };
    }),
  };
}

/** What compaction names the files that it writes; the append function takes no notice of them. */
const OUTPUT_NAME = /^resaca-compacted-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.zstd\.parquet$/;

/** Whether a path is one that may have been written for a bin with this folder. */
export function isOutputPath(path: string, folder: string): boolean {
  const prefix = folder === '' ? '' : `${folder}/`;
  return path.startsWith(prefix) && OUTPUT_NAME.test(path.slice(prefix.length));
}
