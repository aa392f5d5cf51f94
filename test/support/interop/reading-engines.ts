import { startReading, startSpark } from './engines.ts';
import type { LineProcess } from './line-process.ts';
import type { Result } from './reading-results.ts';
import type { Snippet } from './reading-snippets.ts';

/** The engines that run the snippets of docs/reading.md, over one S3 endpoint. */
export interface ReadingEngines {
  readonly reading: LineProcess;
  readonly spark: LineProcess;
  /** Runs a snippet with `replacements` put in for what they replace. */
  run(snippet: Snippet, replacements: Readonly<Record<string, string>>): Promise<Result>;
}

/** `env` holds the endpoint, region and keys, as in `S3Server`. */
export async function startReadingEngines(env: Readonly<Record<string, string>>): Promise<ReadingEngines> {
  const endpoint = env.AWS_ENDPOINT_URL ?? '';
  const [reading, spark] = await Promise.all([startReading({ ...env, AWS_ALLOW_HTTP: 'true' }), startSpark()]);
  await spark.call('hadoop', {
    settings: {
      'fs.s3a.endpoint': endpoint,
      'fs.s3a.endpoint.region': env.AWS_REGION,
      'fs.s3a.path.style.access': 'true',
      'fs.s3a.access.key': env.AWS_ACCESS_KEY_ID,
      'fs.s3a.secret.key': env.AWS_SECRET_ACCESS_KEY,
    },
  });
  const duckDbEndpoint = {
    'PROVIDER credential_chain': `PROVIDER credential_chain, ENDPOINT '${new URL(endpoint).host}', URL_STYLE 'path', USE_SSL false`,
  };

  return {
    reading,
    spark,
    async run({ section, text, mark }, replacements) {
      if (mark.kind !== 'run') throw new Error(`a snippet of "${section}" is not to be run`);
      const code = replaced(text, replacements);
      switch (mark.engine) {
        case 'duckdb':
          return (await reading.call('sql', { statements: replaced(code, duckDbEndpoint) })) as Result;
        case 'delta-rs':
        case 'polars':
          return (await reading.call('python', { code, section })) as Result;
        case 'spark-python':
          return (await spark.call('python', { code })) as Result;
        case 'spark-sql': {
          let result: unknown;
          for (const statement of statementsOf(code)) result = await spark.call('sql', { statement });
          return result as Result;
        }
        default:
          throw new Error(`there is no engine ${mark.engine}`);
      }
    },
  };
}

function replaced(text: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements).reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

/** Statements end with a semicolon at the end of a line. */
function statementsOf(sql: string): string[] {
  return sql
    .split(/;$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
