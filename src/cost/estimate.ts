import type { Bill } from './cost-items.ts';
import { oxbowFiles } from './oxbow.ts';
import type { PriceList } from './prices.ts';
import { sparkOnGlue, streamAlternatives } from './streams.ts';
import { type Loads, type Suite, suiteBills } from './suite.ts';

/** What a deployment costs in a month, and the same load elsewhere. */
export interface Estimate {
  readonly suite: Suite;
  readonly load: Loads;
  /** A bill for each part that is on. */
  readonly parts: readonly Bill[];
  /** USD. */
  readonly total: number;
  readonly comparisons: readonly Comparison[];
}

/** Other ways to do what one part does. */
export interface Comparison {
  /** Name of the part's bill. */
  readonly part: string;
  readonly others: readonly Bill[];
}

export function estimate(suite: Suite, load: Loads, prices: PriceList): Estimate {
  const parts = suiteBills(suite, load, prices);
  return {
    suite,
    load,
    parts,
    total: parts.reduce((sum, { total }) => sum + total, 0),
    comparisons: comparisonsOf(suite, load, prices),
  };
}

function comparisonsOf({ append, bronze }: Suite, { files, stream }: Loads, prices: PriceList): Comparison[] {
  const comparisons: Comparison[] = [];
  if (append !== undefined && files !== undefined) {
    comparisons.push({
      part: 'append',
      others: [oxbowFiles(files, append, prices), sparkOnGlue(0, prices)],
    });
  }
  if (bronze !== undefined && stream !== undefined) {
    comparisons.push({ part: 'bronze', others: streamAlternatives(stream, bronze.reader, prices) });
  }
  return comparisons;
}
