import { BronzeError, type BronzeWriterDeps, createBronzeWriter, type TableFailure } from './bronze-writer.ts';
import { isInvocationRecord, KafkaEventError, parseMskEvent } from './msk-event.ts';

export interface InvocationContext {
  getRemainingTimeInMillis(): number;
}

/** From which offsets on a batch has to come again; Lambda guide, "Configuring error handling controls for Kafka". */
export interface BatchResponse {
  readonly batchItemFailures: readonly {
    readonly itemIdentifier: { readonly partition: string; readonly offset: number };
  }[];
}

/** Kept back of the invocation's time, to fail by itself instead of being cut off. ms. */
const TIME_RESERVE = 2_000;

/**
 * The bronze function: a batch of Kafka records becomes one commit for each table that they are for. If a table fails,
 * the others are written, and then the invocation fails, or names the offsets that failed where the mapping takes them,
 * so that they come again; what was committed is known then. Throws KafkaEventError for an event that is none of Kafka's,
 * and BronzeError.
 */
export function createBronzeHandler(deps: BronzeWriterDeps) {
  const writer = createBronzeWriter(deps);

  return async function handleBronze(event: unknown, context: InvocationContext): Promise<BatchResponse | undefined> {
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    if (isInvocationRecord(event)) {
      // The table may have later offsets by now: these records would be taken for repeats.
      throw new KafkaEventError('a record of a failed invocation: expected to be replayed by "resaca kafka replay"');
    }
    const { partitions } = parseMskEvent(event);
    const failures = await writer.write(partitions, deadline);
    if (deps.config.reportBatchItemFailures) return { batchItemFailures: failedItems(failures) };
    if (failures.length === 0) return undefined;
    const errors = failures.map(({ error }) => error);
    const [first] = errors;
    const reason = first instanceof Error ? first.message : String(first);
    throw new BronzeError(errors, `${failures.length} tables could not be written, the first because: ${reason}`);
  };
}

/** The first offset of each partition that some table lacks. */
function failedItems(failures: readonly TableFailure[]): BatchResponse['batchItemFailures'] {
  const first = new Map<string, number>();
  for (const { topic, partition, records } of failures.flatMap(({ partitions }) => partitions)) {
    const id = `${topic}-${partition}`;
    for (const { offset } of records) first.set(id, Math.min(first.get(id) ?? offset, offset));
  }
  return [...first].map(([partition, offset]) => ({ itemIdentifier: { partition, offset } }));
}
