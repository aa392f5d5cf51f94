import type { AddFile, RemoveFile } from '../delta/actions.ts';
import { compareSequencers } from './notifications.ts';

/**
 * Which version of an object an action is about. Kept in the action's `tags`, so that a later delivery of the same
 * event is recognised from the log alone.
 */
export interface ObjectVersion {
  /** Order of the event among those of its key; absent when the file was found by a listing, or by another writer. */
  readonly sequencer?: string;
  /** Absent for files of other writers, and in removes. */
  readonly etag?: string;
  /** Bytes; absent in removes. */
  readonly size?: number;
}

const SEQUENCER_TAG = 'resaca.sequencer';
const ETAG_TAG = 'resaca.etag';

export function versionTags(version: ObjectVersion): Record<string, string> {
  return {
    ...(version.sequencer !== undefined && { [SEQUENCER_TAG]: version.sequencer }),
    ...(version.etag !== undefined && { [ETAG_TAG]: version.etag }),
  };
}

export function versionOf(action: AddFile | RemoveFile): ObjectVersion {
  const sequencer = action.tags?.[SEQUENCER_TAG];
  const etag = action.tags?.[ETAG_TAG];
  return {
    ...(typeof sequencer === 'string' && { sequencer }),
    ...(typeof etag === 'string' && { etag }),
    ...(action.size !== undefined && { size: action.size }),
  };
}

/**
 * Whether an event about `incoming` has nothing to say beside `logged`, an add of the same path that the log holds:
 * it is the same version of the object, or an older one.
 */
export function isCoveredByAdd(incoming: ObjectVersion, logged: ObjectVersion): boolean {
  if (incoming.sequencer !== undefined && logged.sequencer !== undefined) {
    return compareSequencers(incoming.sequencer, logged.sequencer) <= 0;
  }
  if (incoming.etag !== undefined && logged.etag !== undefined) return incoming.etag === logged.etag;
  return incoming.size === logged.size;
}

/** The same for a logged remove: it covers only events that are known to be older than the deletion. */
export function isCoveredByRemove(incoming: ObjectVersion, logged: ObjectVersion): boolean {
  return isOlder(incoming, logged);
}

/** Whether `a` is known to be the older version of the object. */
export function isOlder(a: ObjectVersion, b: ObjectVersion): boolean {
  return a.sequencer !== undefined && b.sequencer !== undefined && compareSequencers(a.sequencer, b.sequencer) < 0;
}
