/** Word that a table may be another than the catalog says, as a message of the queue. */
export interface CatalogMessage {
  readonly bucket: string;
  /** Key prefix of the table's root, without slashes at its ends. */
  readonly root: string;
}

/** The rest of a look for tables that the time was not enough for, as a message of the queue. */
export interface SweepMessage {
  readonly bucket: string;
  /** Key prefix under which tables are looked for. */
  readonly prefix: string;
  /** Root of the table to go on after; undefined for the beginning. */
  readonly behind?: string;
}

/** An event that is none of this function. */
export class CatalogMessageError extends Error {
  override readonly name = 'CatalogMessageError';
  readonly code = 'INVALID_MESSAGE';
}

const MAX_SHOWN = 200;

/** Reads the body of a message. Throws CatalogMessageError. */
export function parseCatalogMessage(body: string): CatalogMessage | SweepMessage {
  const { bucket, root, prefix, behind } = parseObject(body);
  if (typeof bucket === 'string' && bucket !== '') {
    if (typeof root === 'string') return { bucket, root };
    const isPlace = typeof prefix === 'string' && (behind === undefined || typeof behind === 'string');
    if (isPlace) return { bucket, prefix, ...(behind !== undefined && { behind }) };
  }
  throw new CatalogMessageError(
    `expected {"bucket": text, "root": text} or {"bucket": text, "prefix": text}, got ${body.slice(0, MAX_SHOWN)}`,
  );
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
