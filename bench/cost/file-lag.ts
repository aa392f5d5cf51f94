/** How old files are when they are in the table: from when they have landed until the commit with their rows is in the log. */
import { setTimeout as sleep } from 'node:timers/promises';
import { makeTempFolder } from '../../test/support/temp-folder.ts';
import { resaca } from '../append/contenders.ts';
import type { LocalS3 } from '../append/local-s3.ts';
import { type BenchBucket, createBenchBucket } from '../kafka/bench-bucket.ts';
import { startSparkScript } from '../kafka/spark-process.ts';
import { landedEvent } from '../sizing-events.ts';
import { skip } from './contenders.ts';
import { ending, type LagResult, MINUTE, quantilesOf, untilAllIn } from './lag-tools.ts';
import { landFile, sparkFilesPlace } from './landing.ts';
import { landingFiles, landingKey, ROWS } from './landing-files.ts';
import type { CostOptions } from './options.ts';

export type FileLagProgram = 'append' | 'sparkFiles';

type LandedObject = Parameters<typeof landedEvent>[1][number];

interface RunningContender {
  /** Told of each file when it is there. */
  landed(object: LandedObject): void;
  stop(): Promise<void>;
}

interface FileLagContender {
  readonly contender: string;
  readonly trigger: string;
  /** Until it looks for files, ms. */
  readonly startTime: number;
  start(place: BenchBucket, s3: LocalS3, options: CostOptions): Promise<RunningContender>;
}

/** MB/s of files that land. */
const RATE = 1;
/** As the append function is deployed, s. */
const WINDOW = 30;
const TABLE = 'web_requests';
/** Of Spark; it may not lie in the folder that it reads. */
const MADE = 'made';

export const FILE_LAGS: Readonly<Record<FileLagProgram, FileLagContender>> = {
  append: {
    contender: 'resaca, append function',
    trigger: `${WINDOW} s after the first event`,
    startTime: 0,
    async start({ bucket, address }, s3) {
      const running = await (await resaca(makeTempFolder(), s3)).start(address.endpoint);
      const batch: LandedObject[] = [];
      let invoked: Promise<unknown> = Promise.resolve();
      const invoke = (): void => {
        const event = landedEvent(bucket, batch.splice(0));
        invoked = invoked.then(() => running.invoke(event));
      };
      return {
        landed(object) {
          if (batch.length === 0) setTimeout(invoke, WINDOW * 1_000);
          batch.push(object);
        },
        async stop() {
          await invoked;
          running.stop();
        },
      };
    },
  },
  sparkFiles: {
    contender: 'Spark 4.1.1, of files',
    trigger: `${MINUTE} s (processingTime)`,
    startTime: 20_000,
    async start(place, _, { spark }) {
      if (!spark) return skip('no --spark');
      const { python, script, requestOf } = await sparkFilesPlace(place);
      const { child } = startSparkScript(python, script, { ...requestOf(TABLE, MADE), interval: MINUTE });
      return { landed: () => undefined, stop: ending(child) };
    },
  },
};

/** Throws `UnavailableError` for Spark where there is none. */
export async function measureFileLag(name: FileLagProgram, s3: LocalS3, options: CostOptions): Promise<LagResult> {
  const { contender, trigger, startTime, start } = FILE_LAGS[name];
  const place = await createBenchBucket(s3);
  const { bodies, count, bytes, rows } = landingFiles(options.lagSeconds * RATE * 1e6, options.seed);
  const pace = bytes / count / (RATE * 1_000);
  // The first one tells Spark the columns.
  const first = await land(place, bodies, 0);
  const landed = [first];
  const running = await start(place, s3, options);
  try {
    running.landed(first.object);
    await sleep(startTime);
    const began = Date.now();
    for (let index = 1; index < count; index++) {
      await sleep(Math.max(began + index * pace - Date.now(), 0));
      const one = await land(place, bodies, index);
      landed.push(one);
      running.landed(one.object);
    }
    const files = await untilAllIn(place, name === 'append' ? TABLE : MADE, rows);
    const commits = new Map<number, number>();
    for (const { at, rows: added } of files) commits.set(at, (commits.get(at) ?? 0) + added);
    const lags = lagsOf(
      landed.map(({ at }) => ({ at, rows: ROWS })),
      [...commits].map(([at, added]) => ({ at, rows: added })),
    );
    return { contender, trigger, records: rows, commits: commits.size, ...quantilesOf(lags.slice(1)) };
  } finally {
    await running.stop();
  }
}

async function land(place: BenchBucket, bodies: readonly Uint8Array[], index: number) {
  const object = await landFile(place, landingKey(TABLE, index), bodies[index % bodies.length]);
  return { at: Date.now(), object };
}

interface Step {
  /** ms since the epoch. */
  readonly at: number;
  readonly rows: number;
}

/** Of each file that landed, the time until as many rows are committed as had landed with it: files are taken in their order. */
export function lagsOf(landed: readonly Step[], commits: readonly Step[]): number[] {
  let [came, committed, next] = [0, 0, 0];
  const ordered = [...commits].sort((one, other) => one.at - other.at);
  return landed.map(({ at, rows }) => {
    came += rows;
    for (; committed < came; next++) {
      const commit = ordered[next];
      if (commit === undefined) throw new Error(`${committed} rows are committed, and ${came} have landed`);
      committed += commit.rows;
    }
    return (ordered[next - 1]?.at ?? at) - at;
  });
}
