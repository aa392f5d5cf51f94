import type { Bill } from '../../cost/cost-items.ts';
import type { Comparison, Estimate } from '../../cost/estimate.ts';
import type { PriceList, PriceName } from '../../cost/prices.ts';
import { type Column, formatRows } from '../format.ts';

const COLUMNS: readonly Column[] = [{}, { align: 'right' }, {}, { align: 'right' }];

/** The bill of each part with its positions, then others with their totals and what all of it rests on. */
export function estimateLines({ parts, total, comparisons }: Estimate, prices: PriceList): string[] {
  const rows = parts.flatMap((bill) => [[bill.name, '', '', dollars(bill.total)], ...itemRows(bill, prices)]);
  return [
    'A month of resaca:',
    ...formatRows([...rows, ['together', '', '', dollars(total)]], COLUMNS).map((line) => `  ${line}`),
    '',
    ...comparisons.flatMap((comparison) => comparisonLines(comparison, parts)),
    ...[...parts, ...comparisons.flatMap(({ others }) => others)].flatMap(basisLines),
    '',
    'List prices of us-east-1, without free tiers, storage and transfer. * is a price to be looked up: --list-prices.',
  ];
}

export function priceLines(prices: PriceList): string[] {
  const names = Object.keys(prices) as PriceName[];
  return formatRows(
    names.map((name) => {
      const { usd, unit, source, asOf, standing } = prices[name];
      return [name, `$${usd}`, `a ${unit}`, standing, `${source}, ${asOf}`];
    }),
    [{}, { align: 'right' }],
  );
}

function itemRows({ items }: Bill, prices: PriceList): string[][] {
  return items.map(({ what, quantity, price, usd }) => [
    `  ${what}`,
    amount(quantity),
    `${prices[price].unit}${prices[price].standing === 'assumed' ? ' *' : ''}`,
    dollars(usd),
  ]);
}

function comparisonLines({ part, others }: Comparison, parts: readonly Bill[]): string[] {
  const own = parts.find(({ name }) => name === part)?.total ?? Number.NaN;
  const rows = others.map((bill) => [bill.name, dollars(bill.total), `${(bill.total / own).toFixed(1)} times`]);
  return [
    `What ${part} does, elsewhere:`,
    ...formatRows(rows, [{}, { align: 'right' }, { align: 'right' }]).map((line) => `  ${line}`),
    '',
  ];
}

function basisLines({ name, basis }: Bill): string[] {
  return basis.map((line) => `${name}: ${line}`);
}

function dollars(usd: number): string {
  return `$${usd.toFixed(2)}`;
}

/** With three digits that count, `1,250,000` and `0.12`. */
function amount(quantity: number): string {
  return quantity >= 100 ? Math.round(quantity).toLocaleString('en') : String(Number(quantity.toPrecision(3)));
}
