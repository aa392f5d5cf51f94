/** All that was measured, in one place: what a unit of work takes. The sources are pages and benchmarks of this project. */

/** A program that takes records of Kafka into a table. */
export interface StreamFigures {
  /** CPU-seconds for a GB of record values, JSON. */
  readonly cpuSecondsAGb: number;
  /** Highest memory, MiB. */
  readonly peakMiB: number;
}

export type StreamProgram = 'bronze' | 'scheduled' | 'consumer' | 'kafkaDeltaIngest' | 'spark';

/** CPU in ms; requests by what S3 bills them as: `gets` with HEADs, `puts`, `lists`. */
export const MEASURED = {
  /** docs/sizing.md, "What a million files cost". */
  append: { batchMs: 28, fileMs: 3.73 },
  /** docs/cost.md, "The headline, measured": 5 GB of JSON, by batches of a minute at 1 MB/s where Lambda does not cut them. */
  streams: {
    bronze: { cpuSecondsAGb: 67, peakMiB: 318 },
    scheduled: { cpuSecondsAGb: 53, peakMiB: 604 },
    consumer: { cpuSecondsAGb: 50, peakMiB: 685 },
    kafkaDeltaIngest: { cpuSecondsAGb: 171, peakMiB: 648 },
    spark: { cpuSecondsAGb: 101, peakMiB: 1_662 },
  } satisfies Record<StreamProgram, StreamFigures> as Readonly<Record<StreamProgram, StreamFigures>>,
  /** Steps of a thousand rows on the memory store, and docs/medallion.md for the MBs; requests of a function that is warm. */
  medallion: {
    idleMs: 3,
    runMs: 150,
    mbMs: 125,
    idleGets: 4,
    runGets: 12,
    runPuts: 2,
    runLists: 3,
  },
  /** npm run bench:functions, from here to `optimize`. */
  group: { batchMs: 6, fileMs: 0.045 },
  tag: { batchMs: 19, fileMs: 3 },
  /** The wait is that for an answer of SQS, an assumption. */
  webhook: { requestMs: 3.6, waitMs: 15 },
  queueIngest: { batchMs: 28, messageMs: 0.052, puts: 2, lists: 1, gets: 3 },
  loader: { fileMs: 73, mbMs: 50, puts: 3, lists: 3, gets: 5 },
  /** `gets` are those of a commit beside `fileGets`, those of a file. */
  merge: { batchMs: 99, fileMs: 4.6, puts: 2, gets: 3, fileGets: 1 },
  catalog: { batchMs: 4, tableMs: 13, glueCalls: 2, gets: 3, lists: 1 },
  /** `idle` is a look without news; what else is of a commit with a file comes on top. */
  export: {
    idleMs: 18,
    turnMs: 111,
    thousandRowsMs: 27,
    idleGets: 3,
    idleLists: 1,
    puts: 4,
    lists: 2,
    commitGets: 15,
  },
  /** A task of the maintenance that finds little to do. */
  task: { runMs: 90 },
  optimize: { fileMs: 10, mbMs: 250, fileGets: 4 },
  /** docs/checkpoints.md: what one takes, and for each million files of the table. At least half a second, to start and to look. */
  checkpoint: { baseMs: 500, millionMs: 9_900, gets: 2, millionGets: 94, puts: 4, millionPuts: 6 },
  /** docs/vacuum.md and docs/reconcile.md: for each million files. */
  vacuum: { millionMs: 24_000 },
  reconcile: { millionMs: 15_000, millionGets: 59 },
} as const;
