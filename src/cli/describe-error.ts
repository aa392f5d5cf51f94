import { isDeltaError } from '../delta/errors.ts';
import { isStoreError } from '../storage/object-store.ts';

/** What to tell a person about a failure: what happened, and where it is known, what can be done. */
export function describeError(error: unknown): string[] {
  const lines = [messageOf(error)];
  for (let cause = causeOf(error); cause !== undefined && lines.length < MAX_LINES; cause = causeOf(cause)) {
    const message = messageOf(cause);
    if (!lines.some((line) => line.includes(message))) lines.push(`because: ${message}`);
  }
  const advice = adviceFor(error);
  return advice === undefined ? lines : [...lines, advice];
}

const MAX_LINES = 4;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function adviceFor(error: unknown): string | undefined {
  if (isDeltaError(error, 'TABLE_NOT_FOUND')) {
    return 'To make a table of the Parquet files in a folder: resaca convert FOLDER';
  }
  if (isDeltaError(error, 'VERSION_NOT_FOUND')) {
    return 'The versions that are there: resaca inspect TABLE --history 1000';
  }
  if (isStoreError(error, 'ACCESS_DENIED')) {
    return 'AWS credentials and region are taken from the environment and ~/.aws, as the AWS command line does.';
  }
  return undefined;
}
