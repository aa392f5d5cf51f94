import { isDeltaError } from '../../delta/errors.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { DEAD_LETTERS, type DeadLetter, type RecordProblem } from '../dead-letters.ts';
import type { RoutedRecord } from '../decode/decode-record.ts';
import type { KafkaEngine } from '../engine.ts';
import { letterRows } from '../letter-rows.ts';
import { planRows } from '../plan-records.ts';
import type { KafkaRecord } from '../record.ts';
import type { Route } from '../routing.ts';
import type { TableRows } from '../table-writer.ts';
import { appendAbsent } from './append-absent.ts';
import { type RecordId, recordId } from './record-id.ts';
import type { RecordState } from './wanted-records.ts';

export interface ReplayOptions {
  /** SHA-256 of what is replayed, in hexadecimal. */
  readonly identity: string;
  /** ms since the epoch. */
  readonly deadline: number;
  readonly isDryRun: boolean;
  /** Whether what fails is written to the dead letters of its table, unless it is there. Otherwise it is only told. */
  readonly writesLetters: boolean;
  /** Records that were found to be of a topic made anew: an offset alone does not make them present. */
  readonly reused?: ReadonlySet<RecordId>;
}

export interface TableReplayDeps {
  readonly engine: KafkaEngine;
  /** The table at a root in the configuration's bucket. */
  tableAt(root: string): TableRef;
}

/** What is replayed at once is bounded by the records. */
const UNLIMITED = { columns: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

/** Writes the records of a batch for one table. What it tells of them is of its last try. */
export class TableReplay {
  readonly #deps: TableReplayDeps;
  readonly #route: Route;
  readonly #options: ReplayOptions;
  readonly #records: readonly RoutedRecord[];
  readonly #problems = new Map<RecordId, DeadLetter>();
  #present = 0;
  #written = 0;
  #dropped = 0;
  /** Why the table does not take the files. */
  #refusal: string | undefined;

  constructor(deps: TableReplayDeps, route: Route, options: ReplayOptions) {
    this.#deps = deps;
    this.#route = route;
    this.#options = options;
    this.#records = route.partitions.flatMap(({ records }) => records);
  }

  /** All records of the route, those without a table included. */
  get records(): readonly KafkaRecord[] {
    return [...this.#records, ...this.#route.unrouted.map(({ record }) => record)];
  }

  /** In the table already. */
  get present(): number {
    return this.#present;
  }

  /** Records that were written, or in a dry run would be. */
  get written(): number {
    return this.#written;
  }

  /** Records of which the rule wants no row. */
  get dropped(): number {
    return this.#dropped;
  }

  /** What failed, and why. */
  get problems(): ReadonlyMap<RecordId, DeadLetter> {
    return this.#problems;
  }

  /** Throws ReplayError, the errors of `commitRows`, and the store's. */
  async write(): Promise<void> {
    const { identity, deadline, isDryRun } = this.#options;
    const { root, rule } = this.#route;
    const job = {
      table: this.#deps.tableAt(root),
      records: this.records,
      metadataPrefix: rule.config.metadataPrefix,
      identity,
      deadline,
      isDryRun,
      plan: (stateOf: StateOf, head: Snapshot | undefined) => this.#plan(stateOf, head),
    };
    try {
      await appendAbsent(this.#deps.engine, job);
    } catch (error) {
      if (!isDeltaError(error, 'INVALID_SCHEMA')) throw error;
      this.#refusal = error.message;
      await appendAbsent(this.#deps.engine, job);
    }
  }

  async #plan(stateOf: StateOf, head: Snapshot | undefined): Promise<TableRows | undefined> {
    const { rule, unrouted } = this.#route;
    this.#problems.clear();
    this.#present = 0;
    this.#written = 0;
    this.#dropped = 0;
    for (const letter of unrouted) {
      if (stateOf(letter.record) === 'present') this.#present += 1;
      else this.#fail(letter);
    }
    const absent = this.#absentOf(stateOf);
    const rows = this.#refusal === undefined ? await this.#rowsOf(absent, head) : this.#refuse(absent, this.#refusal);
    await this.#writeLetters();
    const { schemaPolicy, properties, partitionBy } = rule.config;
    const partitionColumns = partitionBy.map(({ name, type }) => ({ name, type }));
    return rows && { files: rows.files, target: { schema: rows.schema, schemaPolicy, properties, partitionColumns } };
  }

  async #rowsOf(absent: readonly RoutedRecord[], head: Snapshot | undefined) {
    if (absent.length === 0) return undefined;
    const { rule } = this.#route;
    await rule.prepare(absent);
    const plan = planRows(rule, absent, head, this.#deps.engine.now(), UNLIMITED);
    for (const letter of plan.rejected) this.#fail(letter);
    this.#written = plan.taken;
    this.#dropped = plan.dropped;
    return plan;
  }

  #refuse(absent: readonly RoutedRecord[], message: string): undefined {
    for (const record of absent) this.#fail({ record, problem: { code: 'TABLE_REFUSED', message } });
  }

  #fail(letter: DeadLetter): void {
    this.#problems.set(recordId(letter.record), letter);
  }

  /** The records that the table lacks. Counts those that it has, and notes those of which it cannot be told. */
  #absentOf(stateOf: StateOf): RoutedRecord[] {
    const { generation } = this.#route.rule.config;
    const absent: RoutedRecord[] = [];
    const offsets = new Set<string>();
    for (const record of this.#records) {
      const state = stateOf(record);
      const isNew = generation > 0 || this.#options.reused?.has(recordId(record)) === true;
      const offset = `${record.topic}/${record.partition}/${record.offset}`;
      const isTaken = state === 'reused' || (state === 'absent' && offsets.has(offset));
      if (state === 'present' || (state === 'untimed' && !isNew)) this.#present += 1;
      else if (state === 'untimed') this.#fail({ record, problem: UNTIMED });
      else if (isTaken && generation === 0) this.#fail({ record, problem: REUSED });
      else absent.push(record);
      offsets.add(offset);
    }
    return absent;
  }

  /** Before the commit to the table, as the function does: after a crash in between, the letters are known. */
  async #writeLetters(): Promise<void> {
    const { identity, deadline, isDryRun, writesLetters } = this.#options;
    if (!writesLetters || isDryRun || this.#problems.size === 0) return;
    const letters = [...this.#problems.values()];
    const { engine } = this.#deps;
    await appendAbsent(engine, {
      table: this.#deps.tableAt(this.#route.root + DEAD_LETTERS),
      records: letters.map(({ record }) => record),
      metadataPrefix: '',
      identity,
      deadline,
      isDryRun,
      async plan(stateOf) {
        const now = engine.now();
        const news = letters.filter(({ record }) => ['absent', 'reused'].includes(stateOf(record)));
        return letterRows(
          news.map((letter) => ({ ...letter, ingested: now })),
          now,
        );
      },
    });
  }
}

type StateOf = (record: KafkaRecord) => RecordState;

const REUSED: RecordProblem = {
  code: 'OFFSET_REUSED',
  message:
    'the table has a record with this offset and another time: the topic was probably made anew. Give it the next ' +
    'generation in the configuration, then replay the dead letters',
};

const UNTIMED: RecordProblem = {
  code: 'OFFSET_REUSED',
  message:
    'the table has a record with this offset and keeps no time, so that it cannot be told whether it is this one',
};
