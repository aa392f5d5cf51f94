import { ConfigError } from '../ingest/config-reader.ts';

/** Where Spark jobs run. */
export interface EmrServerlessApplication {
  readonly applicationId: string;
  /** Role of the job itself, which the caller must be allowed to pass. */
  readonly executionRoleArn: string;
  /** `s3://` URI of the script: of `optimize.py`, or of `step.py` for steps. */
  readonly script: string;
  /** `s3://` URI of the archive of `spark/lib`, which the scripts import from. */
  readonly library: string;
}

const VARIABLES = {
  applicationId: 'RESACA_SPARK_APPLICATION_ID',
  executionRoleArn: 'RESACA_SPARK_ROLE_ARN',
  script: 'RESACA_SPARK_SCRIPT',
  library: 'RESACA_SPARK_LIBRARY',
} as const satisfies Readonly<Record<keyof EmrServerlessApplication, string>>;

export const SPARK_VARIABLES: readonly string[] = Object.values(VARIABLES);

/**
 * The application that the environment names, as `environment` of the construct `SparkJobs` has it; undefined where it
 * names none. Throws ConfigError when only some of the variables are there.
 */
export function emrServerlessEnvironment(env: NodeJS.ProcessEnv = process.env): EmrServerlessApplication | undefined {
  const { applicationId, executionRoleArn, script, library } = VARIABLES;
  const missing = SPARK_VARIABLES.filter((name) => !env[name]);
  if (missing.length === SPARK_VARIABLES.length) return undefined;
  if (missing.length > 0) {
    throw new ConfigError(missing.map((name) => `${name}: is missing, but other variables of Spark are there`));
  }
  return {
    applicationId: env[applicationId] ?? '',
    executionRoleArn: env[executionRoleArn] ?? '',
    script: env[script] ?? '',
    library: env[library] ?? '',
  };
}
