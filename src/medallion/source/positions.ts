import type { Txn } from '../../delta/actions.ts';
import { backfillAppId, changesAppId, decodePosition, type Position } from '../position.ts';

/** How far a step has read its source, as its target tells. */
export interface StepPositions {
  /** Undefined while the step has not begun with the changes. */
  readonly changes: Position | undefined;
  /** Of the backfill, also when it is done. */
  readonly backfill: Position | undefined;
  /** Ids of other tables that the step has read: the source was made again. */
  readonly otherSources: readonly string[];
}

/** Reads the positions of a step from the `txn`s of its target. `sourceId` is that of the source's metadata. */
export function stepPositions(txns: ReadonlyMap<string, Txn>, step: string, sourceId: string): StepPositions {
  const at = (appId: string) => {
    const version = txns.get(appId)?.version;
    return version === undefined ? undefined : decodePosition(version);
  };
  const prefix = changesAppId(step, '');
  const ids = [...txns.keys()]
    .filter((appId) => appId.startsWith(prefix))
    .map((appId) => appId.slice(prefix.length).replace(/:backfill$/, ''));
  return {
    changes: at(changesAppId(step, sourceId)),
    backfill: at(backfillAppId(step, sourceId)),
    otherSources: [...new Set(ids)].filter((id) => id !== sourceId),
  };
}
