import { type CommitRule, readCommitProtocol } from '../ingest/config.ts';
import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';

/**
 * How commands commit to tables on S3. An empty variable counts as absent.
 *
 * - `RESACA_COMMIT_TABLE`: the DynamoDB table, in the format of Spark's `S3DynamoDBLogStore`. @default conditional PUT
 * - `RESACA_COMMIT_TABLE_REGION`: its region. @default that of the SDK
 * - `RESACA_COMMIT_PATH_FORM`: `hadoop` or `url`. @default hadoop
 *
 * `scheme` is that of the table's URL as it was typed, as it is for Spark and delta-rs. Throws ConfigError.
 */
export function commitEnvironment(scheme: string, env: NodeJS.ProcessEnv = process.env): CommitRule[] {
  const { RESACA_COMMIT_TABLE: table, RESACA_COMMIT_TABLE_REGION: region, RESACA_COMMIT_PATH_FORM: pathForm } = env;
  if (!table) {
    const alone = region ? 'RESACA_COMMIT_TABLE_REGION' : pathForm ? 'RESACA_COMMIT_PATH_FORM' : undefined;
    if (alone !== undefined) throw new ConfigError([`${alone}: is for RESACA_COMMIT_TABLE, which is not given`]);
    return [];
  }
  const problems: string[] = [];
  const commitProtocol = {
    type: 'dynamodb',
    table,
    scheme,
    ...(region && { region }),
    ...(pathForm && { pathForm }),
  };
  const commits = readCommitProtocol(new ConfigReader({ commitProtocol }, '', problems));
  if (problems.length > 0) {
    throw new ConfigError(
      problems.map((problem) => problem.replace(/^commitProtocol\.(\w+)/, (_, name) => VARIABLES[name] ?? name)),
    );
  }
  return commits === undefined ? [] : [{ root: '**', commitProtocol: commits }];
}

const VARIABLES: Readonly<Record<string, string>> = {
  table: 'RESACA_COMMIT_TABLE',
  region: 'RESACA_COMMIT_TABLE_REGION',
  pathForm: 'RESACA_COMMIT_PATH_FORM',
};
