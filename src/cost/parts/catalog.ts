import { type Bill, billOf, HOURS } from '../cost-items.ts';
import { functionItems, standingItems } from '../lambda.ts';
import { MEASURED } from '../measured.ts';
import type { PriceList } from '../prices.ts';

/** The catalog function. */
export interface CatalogPart {
  /** Hours between two comparisons of all tables. */
  readonly every: number;
}

const MEMORY = 512;
/** A test holds the alarms. */
const STANDING = { queues: 1, alarms: 2, metrics: 3 };

export function catalogBill(tables: number, { every }: CatalogPart, prices: PriceList): Bill {
  const looks = (HOURS / every) * tables;
  const { batchMs, tableMs, glueCalls, gets, lists } = MEASURED.catalog;
  return billOf(
    'catalog',
    [
      ['tables compared: requests to Glue', 'glue.request', glueCalls * looks],
      ['tables compared: GETs', 's3.get', gets * looks],
      ['tables compared: LISTs', 's3.put', (lists + 1) * looks],
      ['messages: sent, received, deleted', 'sqs.standard', 3 * looks],
      ...functionItems('function', { invocations: looks, cpuMs: (batchMs + tableMs) * looks, memory: MEMORY }),
      ...standingItems(STANDING),
    ],
    prices,
    [
      `measured: ${batchMs + tableMs} ms of CPU a table that has not changed (npm run bench:functions)`,
      'assumed: tables change so rarely that the changes are not counted; Glue without its free million',
    ],
  );
}
