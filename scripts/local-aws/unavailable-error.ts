/** A part of the machine that is needed is not there: no Python, no Java. The message says which, for people. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}
