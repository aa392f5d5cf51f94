import type { Bill } from '../../cost/cost-items.ts';
import type { Estimate } from '../../cost/estimate.ts';
import type { PriceList, PriceName } from '../../cost/prices.ts';
import { formatRows } from '../format.ts';

/** The bill with its positions, then the others with their totals and what all of it rests on. */
export function estimateLines({ own, others }: Estimate, prices: PriceList): string[] {
  const items = own.items.map(({ what, quantity, price, usd }) => [
    what,
    amount(quantity),
    `${prices[price].unit}${prices[price].standing === 'assumed' ? ' *' : ''}`,
    dollars(usd),
  ]);
  const rows = formatRows(
    [...items, ['together', '', '', dollars(own.total)]],
    [{}, { align: 'right' }, {}, { align: 'right' }],
  );
  const rest = formatRows(
    others.map((bill) => [bill.name, dollars(bill.total), `${(bill.total / own.total).toFixed(1)} times`]),
    [{}, { align: 'right' }, { align: 'right' }],
  );
  return [
    `${own.name}, a month:`,
    ...rows.map((line) => `  ${line}`),
    '',
    'The same elsewhere:',
    ...rest.map((line) => `  ${line}`),
    '',
    ...[own, ...others].flatMap(basisLines),
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
