import {
  booleans,
  type ColumnData,
  dates,
  decimals,
  integers,
  lists,
  longs,
  strings,
  struct,
  timestamps,
} from './columns.ts';
import type { Random } from './random.ts';

const NAMES = ['Ada', 'Björn', 'Chloé', 'Dmitri', 'Emeka', 'Fatima', 'José', '美咲'] as const;
const NOTES = ['leave at the door', 'ring twice', 'gift: "happy birthday"'] as const;
const DAY = 86_400_000;

/** Orders of a shop: decimals, dates, lists of structs, nulls, text beyond ASCII. */
export function orders(
  random: Random,
  { rows, from }: { readonly rows: number; readonly from: number },
): Readonly<Record<string, ColumnData>> {
  const each = <T>(value: (index: number) => T): T[] => Array.from({ length: rows }, (_, index) => value(index));
  const lineCounts = each(() => random.whole(1, 4));
  const lines = lineCounts.reduce((sum, count) => sum + count, 0);
  const line = <T>(value: () => T): T[] => Array.from({ length: lines }, value);
  return {
    order_id: longs(each((index) => Math.floor(from / 1000) * 10_000 + index)),
    placed_at: timestamps(each((index) => from + index * 211)),
    delivery_date: dates(each(() => Math.floor(from / DAY) + random.whole(1, 9))),
    customer: strings(each(() => random.pick(NAMES))),
    total: decimals(
      each(() => random.whole(99, 250_000)),
      12,
      2,
    ),
    paid: booleans(each(() => random.next() < 0.9)),
    lines: lists(
      lineCounts,
      struct({
        sku: strings(line(() => `SKU-${random.whole(1000, 9999)}`)),
        quantity: integers(line(() => random.whole(1, 5))),
        price: decimals(
          line(() => random.whole(99, 50_000)),
          10,
          2,
        ),
      }),
    ),
    note: strings(each(() => (random.next() < 0.8 ? null : random.pick(NOTES)))),
  };
}
