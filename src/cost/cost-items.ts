import type { PriceList, PriceName } from './prices.ts';

/** A position of a month's bill. */
export interface CostItem {
  /** What it is for, for people. */
  readonly what: string;
  readonly price: PriceName;
  /** Units of the price in a month. */
  readonly quantity: number;
  readonly usd: number;
}

/** What something costs in a month. */
export interface Bill {
  readonly name: string;
  readonly items: readonly CostItem[];
  /** USD. */
  readonly total: number;
  /** What the figures rest on. */
  readonly basis: readonly string[];
}

/** Hours and days of a month, as AWS counts them. */
export const HOURS = 730;
export const DAYS = HOURS / 24;

export type Position = readonly [what: string, price: PriceName, quantity: number];

/** Puts prices to quantities; what is not needed is left out. */
export function billOf(
  name: string,
  positions: readonly Position[],
  prices: PriceList,
  basis: readonly string[] = [],
): Bill {
  const items = positions
    .filter(([, , quantity]) => quantity > 0)
    .map(([what, price, quantity]) => ({ what, price, quantity, usd: quantity * prices[price].usd }));
  return { name, items, total: items.reduce((sum, { usd }) => sum + usd, 0), basis };
}
