/** Word that a table may be another than the catalog says, as a message of the queue. */
export interface CatalogMessage {
  readonly bucket: string;
  /** Key prefix of the table's root, without slashes at its ends. */
  readonly root: string;
}

/** An event that is none of this function. */
export class CatalogMessageError extends Error {
  override readonly name = 'CatalogMessageError';
  readonly code = 'INVALID_MESSAGE';
}

const MAX_SHOWN = 200;

/** Reads the body of a message. Throws CatalogMessageError. */
export function parseCatalogMessage(body: string): CatalogMessage {
  const { bucket, root } = parseObject(body);
  if (typeof bucket === 'string' && bucket !== '' && typeof root === 'string') return { bucket, root };
  throw new CatalogMessageError(`expected {"bucket": text, "root": text}, got ${body.slice(0, MAX_SHOWN)}`);
}

/** Whether an event is that of the schedule, `{"sweep": true}`. */
export function isSweep(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'sweep' in event && event.sweep === true;
}

function parseObject(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Told below, like every other text that is no message.
  }
  throw new CatalogMessageError(`expected a JSON object, got ${body.slice(0, MAX_SHOWN)}`);
}
