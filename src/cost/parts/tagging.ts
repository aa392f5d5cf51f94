import { type Bill, billOf, DAYS, type Position } from '../cost-items.ts';
import { functionItems, standingItems } from '../lambda.ts';
import { MEASURED } from '../measured.ts';
import type { PriceList } from '../prices.ts';

/** The tag function. */
export interface TaggingPart {
  readonly eventBridge: boolean;
}

const MEMORY = 256;
/** Messages of a batch on average: it is gathered for no long time. An assumption. */
const BATCH = 10;
/** A test holds the alarms. */
const STANDING = { queues: 1, alarms: 4, metrics: 4 };

/** All files that land get tags. */
export function taggingBill(filesPerDay: number, { eventBridge }: TaggingPart, prices: PriceList): Bill {
  const files = filesPerDay * DAYS;
  const { batchMs, fileMs } = MEASURED.tag;
  const items: Position[] = [
    ['tags read: a GET for each file', 's3.get', files],
    ['tags written: a PUT for each file', 's3.put', files],
    ['events: sent one by one, received and deleted by tens', 'sqs.standard', 1.2 * files],
    ['events through EventBridge', 'eventbridge.event', eventBridge ? files : 0],
    ...functionItems('function', {
      invocations: files / BATCH,
      cpuMs: (files / BATCH) * batchMs + files * fileMs,
      memory: MEMORY,
    }),
    ...standingItems(STANDING),
  ];
  return billOf('tagging', items, prices, [
    `measured: ${batchMs} ms of CPU an invocation and ${fileMs} ms a file (npm run bench:functions)`,
    'assumed: all files that land get tags, in batches of 10; the tags themselves are not counted',
  ]);
}
