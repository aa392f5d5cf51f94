/** Where a partition begins, and what is to be said about it. */
export interface StartOffset {
  readonly offset: number;
  readonly problem?: StartProblem;
  /** Records that are in no table and that no broker has any more. */
  readonly lost: number;
}

export type StartProblem = 'RECORDS_LOST' | 'TOPIC_MADE_ANEW';

export interface PartitionFacts {
  /** The last offset that the table has. */
  readonly known: number | undefined;
  /** The first offset that the broker has, and the one behind the last that may be read. */
  readonly earliest: number;
  readonly latest: number;
  /** What the group committed; given where it counts because no table tells. */
  readonly committed?: number | undefined;
  readonly from: 'earliest' | 'latest';
  /** The topic is another one than the one that was read before. */
  readonly isNewTopic?: boolean;
}

/**
 * Where to read on. The table decides: one behind its last offset. If the broker has not kept that record, those up to
 * its first are lost. If it has not come so far, the topic was made anew (or an unclean election of a leader took records
 * back): all is read, and what has offsets of the table a second time goes to the dead letters when it is newer.
 */
export function startOffset({ known, earliest, latest, committed, from, isNewTopic }: PartitionFacts): StartOffset {
  if (isNewTopic === true) return { offset: earliest, problem: 'TOPIC_MADE_ANEW', lost: 0 };
  const next = known === undefined ? committed : known + 1;
  if (next === undefined) return { offset: from === 'earliest' ? earliest : latest, lost: 0 };
  if (next > latest) return { offset: earliest, problem: 'TOPIC_MADE_ANEW', lost: 0 };
  if (next < earliest) return { offset: earliest, problem: 'RECORDS_LOST', lost: earliest - next };
  return { offset: next, lost: 0 };
}
