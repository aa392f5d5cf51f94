import { DEAD_LETTERS, type DeadLetter } from './dead-letters.ts';
import type { DecodedRecord, RoutedRecord } from './decode/decode-record.ts';
import { PayloadError } from './decode/payload-error.ts';
import type { PartitionRecords } from './offsets.ts';
import type { KafkaRecord } from './record.ts';
import type { Rule } from './rule.ts';
import type { RoutedPartition } from './write-records.ts';

/** What of a batch is for one table. */
export interface Route {
  readonly rule: Rule;
  /** Of the table, in the bucket. */
  readonly root: string;
  readonly partitions: readonly RoutedPartition[];
  /** Records that are for no table: they only have dead letters, those of this root. */
  readonly unrouted: readonly DeadLetter[];
}

/** A partition for which it cannot be said now where its records go. */
export interface RoutingFailure {
  readonly partition: PartitionRecords;
  readonly error: unknown;
}

export interface Routing {
  readonly routes: readonly Route[];
  readonly failures: readonly RoutingFailure[];
}

/**
 * Which records go to which table. Where the table depends on what is in the record, it is decoded here, once. Topics are
 * apart from each other: what `ruleFor` throws, or a rule that cannot be prepared, is a failure of its partitions only.
 */
export async function routeRecords(
  partitions: readonly PartitionRecords[],
  ruleFor: (topic: string) => Promise<Rule>,
): Promise<Routing> {
  const routes = new Routes();
  const failures: RoutingFailure[] = [];
  for (const partition of partitions) {
    try {
      await routePartition(routes, partition, await ruleFor(partition.topic));
    } catch (error) {
      failures.push({ partition, error });
    }
  }
  return { routes: routes.all(), failures };
}

async function routePartition(routes: Routes, { records }: PartitionRecords, rule: Rule): Promise<void> {
  const isByContent = rule.target.needsRow || rule.target.needsHeaders;
  if (isByContent) await rule.prepare(records);
  for (const record of records) {
    if (isByContent) routeRecord(routes, rule, record);
    else routes.add(rule, tableOf(rule, record), record);
  }
}

/** Throws for a topic whose table would be the dead letters of another one. */
function tableOf({ target }: Rule, record: KafkaRecord): string {
  const root = target.resolve(record);
  if (!root.endsWith(DEAD_LETTERS)) return root;
  throw new Error(`the table of the topic "${record.topic}" would be "${root}", a name that is for dead letters`);
}

function routeRecord(routes: Routes, rule: Rule, record: KafkaRecord): void {
  try {
    const decoded = rule.decode(record);
    const places = new Map<string, number[]>();
    for (let index = 0; index < decoded.rows.length; index++) {
      const root = rule.target.resolve(record, rule.jsonRow(decoded, index));
      const place = places.get(root);
      if (place === undefined) places.set(root, [index]);
      else place.push(index);
    }
    for (const [root, indexes] of places) {
      routes.add(rule, root, { ...record, decoded: pickRows(decoded, indexes) });
    }
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    routes.reject(rule, rule.target.fallback(record.topic), { record, problem: error });
  }
}

function pickRows(decoded: DecodedRecord, indexes: readonly number[]): DecodedRecord {
  if (indexes.length === decoded.rows.length) return decoded;
  const rows: unknown[] = indexes.map((index) => decoded.rows[index]);
  return { ...decoded, rows } as DecodedRecord;
}

interface OpenRoute {
  readonly rule: Rule;
  readonly root: string;
  readonly partitions: Map<string, RoutedPartition & { readonly records: RoutedRecord[] }>;
  readonly unrouted: DeadLetter[];
}

class Routes {
  readonly #routes = new Map<Rule, Map<string, OpenRoute>>();

  add(rule: Rule, root: string, record: RoutedRecord): void {
    const { partitions } = this.#at(rule, root);
    const { topic, partition } = record;
    const id = `${topic}-${partition}`;
    const known = partitions.get(id);
    if (known === undefined) partitions.set(id, { topic, partition, records: [record] });
    else known.records.push(record);
  }

  reject(rule: Rule, root: string, letter: DeadLetter): void {
    this.#at(rule, root).unrouted.push(letter);
  }

  /** Rules that lead to one table write it apart: their columns differ. */
  all(): Route[] {
    return [...this.#routes.values()].flatMap((roots) =>
      [...roots.values()].map((route) => ({ ...route, partitions: [...route.partitions.values()] })),
    );
  }

  #at(rule: Rule, root: string): OpenRoute {
    const roots = this.#routes.get(rule) ?? new Map<string, OpenRoute>();
    this.#routes.set(rule, roots);
    const known = roots.get(root);
    if (known !== undefined) return known;
    const route: OpenRoute = { rule, root, partitions: new Map(), unrouted: [] };
    roots.set(root, route);
    return route;
  }
}
