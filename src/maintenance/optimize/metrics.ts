import { totalSize } from './bins.ts';
import type { PreparedBin } from './rewrite-bin.ts';

/** The metrics that Spark gives an OPTIMIZE (OptimizeTableCommand, `DeltaOperationMetrics.OPTIMIZE`); sizes in bytes. */
export function optimizeMetrics(bins: readonly PreparedBin[]): Readonly<Record<string, number>> {
  const inputs = bins.flatMap((bin) => bin.inputs);
  const sizes = bins.flatMap(({ add }) => (add === undefined ? [] : [add.size])).sort((a, b) => a - b);
  const quantile = (share: number) => sizes[Math.floor(share * (sizes.length - 1))] ?? 0;
  return {
    numRemovedFiles: inputs.length,
    numRemovedBytes: totalSize(inputs),
    numAddedFiles: sizes.length,
    numAddedBytes: sizes.reduce((sum, size) => sum + size, 0),
    minFileSize: sizes[0] ?? 0,
    p25FileSize: quantile(0.25),
    p50FileSize: quantile(0.5),
    p75FileSize: quantile(0.75),
    maxFileSize: sizes.at(-1) ?? 0,
    numDeletionVectorsRemoved: inputs.filter(({ deletionVector }) => deletionVector !== undefined).length,
  };
}
