/** A deletion vector that cannot be read, or does not fit its file. The message says why. */
export class DeletionVectorError extends Error {
  override readonly name = 'DeletionVectorError';
}
