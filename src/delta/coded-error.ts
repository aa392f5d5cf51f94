/**
 * An error that programs tell by its code, which is stable, and people by its message, which says what was got and what was expected.
 * A subclass sets `name`, and has the codes that it knows as a type.
 */
export abstract class CodedError<
  Code extends string,
  Data extends object = Readonly<Record<string, unknown>>,
> extends Error {
  readonly code: Code;
  /** What it is about: the table, the version, the path, and what else is known. */
  readonly data: Data;

  constructor(code: Code, message: string, data?: Data, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.data = data ?? ({} as Data);
  }
}
