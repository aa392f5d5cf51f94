/** The brokers do not let us in, or cannot be reached. */
export class KafkaUnavailableError extends Error {
  override readonly name = 'KafkaUnavailableError';
  readonly code = 'KAFKA_UNAVAILABLE';

  /** The client wraps its errors several times; what happened is in the innermost, and the others say nothing. */
  constructor(brokers: readonly string[], cause: unknown) {
    super(`Kafka at ${brokers.join(', ')} cannot be used: ${rootMessages(cause).join('; ')}`);
  }
}

/** Deep enough for all that is wrapped, and an end for what is its own cause. */
const MAX_DEPTH = 8;

/** The messages of the innermost causes of an error, each once. */
export function rootMessages(error: unknown): string[] {
  return [...new Set(collect(error, MAX_DEPTH))];
}

function collect(error: unknown, depth: number): string[] {
  if (!(error instanceof Error)) return [String(error)];
  const inner = error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  if (inner.length === 0 || depth === 0) return [error.message || error.name];
  return inner.flatMap((one) => collect(one, depth - 1));
}
