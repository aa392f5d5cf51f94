/** A data file that cannot be written again as it is, found while its values are read. The message says why. */
export class UnfitFileError extends Error {
  override readonly name = 'UnfitFileError';
  /** The key of the file in its store. */
  readonly key: string;

  constructor(key: string, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.key = key;
  }
}

/** A value that the type of the table's column does not hold exactly. */
export class InexactValueError extends Error {
  override readonly name = 'InexactValueError';
}
