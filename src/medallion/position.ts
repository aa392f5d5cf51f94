/**
 * How far a step has read its source: all versions below `version`, and of `version` itself the first `files` files, in the
 * order in which its changes name them. It is a `txn` in the very commits of the target that hold what was read, as one
 * number that only grows.
 */
export interface Position {
  readonly version: number;
  readonly files: number;
}

/** Files of one version that a position can count. */
export const MAX_FILES_OF_VERSION = 2 ** 20;
/** So that the number stays exact. */
const MAX_VERSION = Number.MAX_SAFE_INTEGER / MAX_FILES_OF_VERSION;

/** Throws RangeError where a version or a number of files is beyond what can be told. */
export function encodePosition({ version, files }: Position): number {
  if (files >= MAX_FILES_OF_VERSION || version + 1 >= MAX_VERSION) {
    throw new RangeError(
      `version ${version} with ${files} files done cannot be told as a position: expected less than ` +
        `${MAX_FILES_OF_VERSION} files of a version, and versions below ${Math.floor(MAX_VERSION)}`,
    );
  }
  return version * MAX_FILES_OF_VERSION + files;
}

export function decodePosition(encoded: number): Position {
  return { version: Math.floor(encoded / MAX_FILES_OF_VERSION), files: encoded % MAX_FILES_OF_VERSION };
}

/** Of the `txn` for the changes of a source: the id is of its metadata, so that another table at its place is noticed. */
export function changesAppId(step: string, sourceId: string): string {
  return `resaca:step:${step}:${sourceId}`;
}

/** Of the `txn` for what the source had when the step first ran: a position in one version's files. */
export function backfillAppId(step: string, sourceId: string): string {
  return `${changesAppId(step, sourceId)}:backfill`;
}
