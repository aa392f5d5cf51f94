import type { CheckpointReader } from '../delta/checkpoint.ts';
import { type DefinitionRequests, tellDefinitions } from '../delta/definition-requests.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { createDuckDbEngine, type DuckDbOptions } from './engine/session.ts';
import type { TablePlace } from './rule.ts';
import { createSnapshotCache } from './snapshot-cache.ts';
import { createBackfills } from './source/backfill-batch.ts';
import type { StepDeps } from './step-run.ts';

/** Where tables are, and who is told what. */
export interface StepSurroundings extends Pick<StepDeps, 'log' | 'now' | 'random' | 'sleep' | 'openSpark'> {
  readonly reader: CheckpointReader;
  /** Limits of DuckDB, which is loaded with the first session. */
  readonly engine: DuckDbOptions;
  storeFor(bucket: string): ObjectStore;
  /** The name of a table for people. */
  urlOf(place: TablePlace): string;
  /** Told of tables that are new or have other columns. @default nobody */
  readonly definitions?: DefinitionRequests | undefined;
}

/** What runs of steps need, from the stores of buckets. */
export function createStepDeps({ storeFor, urlOf, definitions, engine, ...rest }: StepSurroundings): StepDeps {
  const duckDb = createDuckDbEngine(engine);
  return {
    ...rest,
    latestOf: createSnapshotCache(rest.reader, () => rest.now()),
    backfillOf: createBackfills(),
    openSession: () => duckDb.open(),
    tableAt: (place) => ({ store: storeFor(place.bucket), root: place.prefix, url: urlOf(place) }),
    definitionsOf: (bucket) =>
      tellDefinitions({ requests: definitions, bucket, warn: (message, data) => rest.log('warn', message, data) }),
  };
}
