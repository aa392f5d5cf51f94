export type CatalogErrorCode =
  /** The name in the catalog is that of something else: a table elsewhere, a link, a view. */
  | 'NAME_TAKEN'
  /** What the catalog has at the table's location is no Delta table. */
  | 'NOT_DELTA'
  /** A name cannot be one in Glue. */
  | 'INVALID_NAME'
  /** A column's type is longer than Glue takes. */
  | 'TYPE_TOO_LONG'
  /** The database is not there, and is not to be made. */
  | 'NO_DATABASE'
  /** Others changed the table in Glue again and again meanwhile. */
  | 'CONTENTION';

/** A table that cannot be registered as it is. */
export class CatalogError extends Error {
  override readonly name = 'CatalogError';
  readonly code: CatalogErrorCode;

  constructor(code: CatalogErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Whether trying again would not help: something has to be changed in Glue, in the configuration or in the table. */
export function isRefused(error: unknown): error is CatalogError {
  return error instanceof CatalogError && error.code !== 'CONTENTION';
}
