/** Who is measured: a line for each. */
import { existsSync } from 'node:fs';
import type { StreamProgram } from '../../src/cost/measured.ts';
import { makeTempFolder } from '../../test/support/temp-folder.ts';
import { UnavailableError } from '../../test/support/unavailable.ts';
import { oxbow, resaca } from '../append/contenders.ts';
import type { LocalS3 } from '../append/local-s3.ts';
import type { BenchBucket } from '../kafka/bench-bucket.ts';
import { runConsumer } from '../kafka/run-consumer.ts';
import { runDeltaIngest } from '../kafka/run-delta-ingest.ts';
import { MAX_BATCH, runFunction } from '../kafka/run-function.ts';
import { runSpark } from '../kafka/run-spark.ts';
import { runTurns } from '../kafka/run-turns.ts';
import type { Result, Stage } from '../kafka/stage.ts';
import { type LandingResult, measureLanding, measureSparkFiles } from './landing.ts';
import { type LandingFiles, ROWS } from './landing-files.ts';
import type { CostOptions } from './options.ts';
import type { LandingProgram } from './results.ts';

/** MB of the functions. */
export const MEMORY = 1_024;

type RunStream = (stage: Stage, place: BenchBucket, options: CostOptions) => Promise<Result>;

export const STREAMS: Readonly<Record<StreamProgram, RunStream>> = {
  bronze: (stage, place, { batch }) => runFunction(stage, place, Math.min(batch, MAX_BATCH), MEMORY),
  scheduled: (stage, place, { batch }) => runTurns(stage, place, batch, MEMORY),
  consumer: (stage, place, { batch }) => runConsumer(stage, place, batch),
  kafkaDeltaIngest: async (stage, place, { batch, peer }) =>
    runDeltaIngest(stage, programAt('--peer', peer), batch, place),
  spark: async (stage, place, { batch, spark }) => (spark ? runSpark(stage, batch, place) : skip('no --spark')),
};

interface LandingContender {
  run(files: LandingFiles, s3: LocalS3, options: CostOptions): Promise<LandingResult>;
  /** Rows of the file by which the table was made. */
  readonly rowsBefore: number;
}

export const LANDINGS: Readonly<Record<LandingProgram, LandingContender>> = {
  append: {
    async run(files, s3) {
      const maker = await resaca(makeTempFolder(), s3);
      return measureLanding(files, s3, { maker, contender: maker });
    },
    rowsBefore: ROWS,
  },
  oxbow: {
    async run(files, s3, { oxbow: path }) {
      const contender = oxbow(programAt('--oxbow', path), s3);
      return measureLanding(files, s3, { maker: await resaca(makeTempFolder(), s3), contender });
    },
    rowsBefore: ROWS,
  },
  sparkFiles: {
    run: async (files, s3, { spark }) => (spark ? measureSparkFiles(files, s3) : skip('no --spark')),
    rowsBefore: 0,
  },
};

/** Throws `UnavailableError` where the option is not given or nothing is there. */
export function programAt(option: string, path: string | undefined): string {
  if (path === undefined) return skip(`no ${option}`);
  return existsSync(path) ? path : skip(`${path} is not there`);
}

export function skip(reason: string): never {
  throw new UnavailableError(reason);
}
