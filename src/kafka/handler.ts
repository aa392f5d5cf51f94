import { BronzeError, type BronzeWriterDeps, createBronzeWriter } from './bronze-writer.ts';
import { parseMskEvent } from './msk-event.ts';

export interface InvocationContext {
  getRemainingTimeInMillis(): number;
}

/** Kept back of the invocation's time, to fail by itself instead of being cut off. ms. */
const TIME_RESERVE = 2_000;

/**
 * The bronze function: a batch of Kafka records becomes one commit for each table that they are for. If a table fails,
 * the others are written, and then the invocation fails, so that the batch comes again; what was committed is known then.
 * Throws KafkaEventError for an event that is none of Kafka's, and BronzeError.
 */
export function createBronzeHandler(deps: BronzeWriterDeps) {
  const writer = createBronzeWriter(deps);

  return async function handleBronze(event: unknown, context: InvocationContext): Promise<void> {
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const { partitions } = parseMskEvent(event);
    const failures = await writer.write(partitions, deadline);
    if (failures.length === 0) return;
    const errors = failures.map(({ error }) => error);
    throw new BronzeError(errors, `${failures.length} tables could not be written`);
  };
}
