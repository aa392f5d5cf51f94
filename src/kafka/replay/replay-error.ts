import { CodedError } from '../../delta/coded-error.ts';

export type ReplayErrorCode =
  /** The table does not keep where its rows came from. */
  | 'NO_SOURCE_COLUMNS'
  /** A data file that cannot be read. */
  | 'UNREADABLE_FILE'
  /** A data file that is not under the root of its table. */
  | 'FOREIGN_FILE';

/** What is in a table cannot be told, so that nothing may be replayed into it. `data` names the table and the file. */
export class ReplayError extends CodedError<ReplayErrorCode> {
  override readonly name = 'ReplayError';
}
