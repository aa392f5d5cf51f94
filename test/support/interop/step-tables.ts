/** Steps over tables in a local folder, computed in this process or by the Spark of the interop tests. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableRef } from '../../../src/delta/table.ts';
import { createDuckDbEngine } from '../../../src/medallion/engine/session.ts';
import type { StepRule, TablePlace } from '../../../src/medallion/rule.ts';
import { runStep } from '../../../src/medallion/run-step.ts';
import { createStepSpark } from '../../../src/medallion/spark/step-spark.ts';
import type { StepDeps, StepRun } from '../../../src/medallion/step-run.ts';
import { createCheckpointReader } from '../../../src/parquet/checkpoint-reader.ts';
import type { SparkJobs } from '../../../src/spark/jobs.ts';
import { createFolderStore } from '../../../src/storage/folder-store.ts';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import { makeTempFolder } from '../temp-folder.ts';

export const reader = createCheckpointReader();
const MIB = 2 ** 20;

export interface StepTables {
  /** Of the tables. */
  readonly folder: string;
  tableAt(name: string): TableRef;
  /** Runs a step to its end, or until a job has to be waited for; through `store`, where its calls are to be disturbed. */
  run(rule: StepRule, store?: ObjectStore): Promise<StepRun>;
}

export function createStepTables(jobs?: SparkJobs): StepTables {
  const folder = makeTempFolder();
  const engine = createDuckDbEngine({ tempDir: makeTempFolder(), memoryLimit: 512 * MIB });
  const own = createFolderStore(folder);
  const tableAt = (name: string, store: ObjectStore = own): TableRef => ({
    store,
    root: name,
    url: join(folder, name),
  });
  const depsOf = (store: ObjectStore): StepDeps => ({
    reader,
    tableAt: ({ prefix }) => tableAt(prefix, store),
    openSession: () => engine.open(),
    ...(jobs !== undefined && { openSpark: async () => createStepSpark({ jobs, now: Date.now }) }),
    log: () => {},
    now: Date.now,
    random: Math.random,
    sleep: async (ms) => void (await sleep(ms)),
  });
  return {
    folder,
    tableAt,
    run: (rule, store = own) => runStep(rule, depsOf(store), { deadline: Date.now() + 300_000 }),
  };
}

/** A rule in the folder of the tables: `gold-q1` makes `gold/q1`. Sources have the last part of their name in the SQL. */
export function stepRule(
  name: string,
  {
    source,
    sql,
    lookups = [],
  }: { readonly source: string; readonly sql: string; readonly lookups?: readonly string[] },
  overrides: Partial<StepRule> & Pick<StepRule, 'mode'>,
): StepRule {
  const place = (prefix: string): TablePlace => ({ bucket: 'lake', prefix });
  const named = (prefix: string) => ({ ...place(prefix), name: prefix.replace(/^.*\//, '') });
  return {
    name,
    target: place(name.replace('-', '/')),
    source: named(source),
    lookups: lookups.map(named),
    transform: { kind: 'sql', sql },
    partitionBy: [],
    properties: {},
    schema: 'evolve',
    changes: 'fail',
    start: 'beginning',
    quality: [],
    limits: { maxBytes: 256 * MIB, maxFiles: 1_000, maxVersions: 100 },
    engine: 'duckdb',
    ...overrides,
  };
}
