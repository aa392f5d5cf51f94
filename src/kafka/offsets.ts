import type { Txn } from '../delta/actions.ts';
import type { KafkaRecord } from './record.ts';
import type { TopicRule } from './topic-rule.ts';

/** The records of one partition of a topic, in the order of their offsets. */
export interface PartitionRecords {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly KafkaRecord[];
}

/** Records by their partitions, in the order in which they come. */
export function groupByPartition<R extends KafkaRecord>(
  records: readonly R[],
): (PartitionRecords & { readonly records: readonly R[] })[] {
  const partitions = new Map<string, PartitionRecords & { readonly records: R[] }>();
  for (const record of records) {
    const { topic, partition } = record;
    const id = `${topic}/${partition}`;
    const known = partitions.get(id);
    if (known === undefined) partitions.set(id, { topic, partition, records: [record] });
    else known.records.push(record);
  }
  return [...partitions.values()];
}

/** Whose offsets are kept, in the `txn` actions of a table. */
export interface OffsetKeeper {
  readonly application: string;
  readonly rule: Pick<TopicRule, 'generation' | 'continueFrom'>;
}

/** The `appId` under which a table keeps the last offset of a partition that is in it. */
export function offsetAppId({ application, rule }: OffsetKeeper, topic: string, partition: number): string {
  const generation = rule.generation === 0 ? '' : `/${rule.generation}`;
  return `${application}/${topic}/${partition}${generation}`;
}

/**
 * What a table knows of a partition: the last offset that is in it, and when it was written. Undefined for a partition
 * that it knows nothing of. kafka-delta-ingest keeps the same offsets as `<app_id>-<partition>` (its `delta_helpers.rs`);
 * they count until this application has its own.
 */
export function knownOffset(
  txns: ReadonlyMap<string, Txn>,
  keeper: OffsetKeeper,
  topic: string,
  partition: number,
): Txn | undefined {
  const own = txns.get(offsetAppId(keeper, topic, partition));
  if (own !== undefined || keeper.rule.continueFrom === undefined || keeper.rule.generation > 0) return own;
  return txns.get(`${keeper.rule.continueFrom}-${partition}`);
}

export interface SortedRecords<R extends KafkaRecord> {
  /** Not in the table yet. */
  readonly news: readonly R[];
  /** In the table already. */
  readonly known: number;
  /**
   * With an offset that the table has, and a time after that offset was committed: these are no redelivered records but
   * new ones, with offsets that are given out again.
   */
  readonly reused: readonly R[];
}

/**
 * Tells new records from those that were delivered before: offsets only grow, so all up to the known one are in the
 * table. A redelivered record was made before it was committed. One that was made later, by a margin for the clocks of
 * producers, comes from a topic that was deleted and made anew.
 */
export function sortRecords<R extends KafkaRecord>(
  records: readonly R[],
  known: Txn | undefined,
  clockMargin: number,
): SortedRecords<R> {
  if (known === undefined) return { news: records, known: 0, reused: [] };
  const news = records.filter(({ offset }) => offset > known.version);
  const old = records.filter(({ offset }) => offset <= known.version);
  const { lastUpdated } = known;
  const reused =
    lastUpdated === undefined
      ? []
      : old.filter(({ timestamp }) => timestamp !== undefined && timestamp > lastUpdated + clockMargin);
  return { news, known: old.length - reused.length, reused };
}
