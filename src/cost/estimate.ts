import type { Bill } from './cost-items.ts';
import { type FileLoad, oxbowFiles, resacaFiles } from './files.ts';
import type { PriceList } from './prices.ts';
import { bronzeFunction, MIN_DPUS, type StreamLoad, sparkOnGlue, streamAlternatives } from './streams.ts';

/** What one load costs here and elsewhere, a month. */
export interface Estimate {
  readonly load: FileLoad | StreamLoad;
  readonly own: Bill;
  /** Other ways to do the same. */
  readonly others: readonly Bill[];
}

export function estimateFiles(load: FileLoad, prices: PriceList): Estimate {
  return { load, own: resacaFiles(load, prices), others: [oxbowFiles(load, prices), sparkOnGlue(MIN_DPUS, prices)] };
}

export function estimateStream(load: StreamLoad, prices: PriceList): Estimate {
  return { load, own: bronzeFunction(load, prices), others: streamAlternatives(load, prices) };
}
