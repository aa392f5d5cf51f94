import { readCommands } from '../../src/cli/start/read-commands.ts';
import type { Style } from '../../src/cli/terminal.ts';
import { CREDENTIALS, REGION } from './ministack.ts';

/** A file of the repository, with a schema of its own. */
const ANOTHER_FILE = 'test/fixtures/parquet/duckdb.parquet';

export interface NextSteps {
  readonly endpoint: string;
  /** For programs that find the local AWS by their environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly bucket: string;
  /** Root of a table. Undefined when there is none yet. */
  readonly table: string | undefined;
}

/** What can be done with the local AWS, as lines for a shell in the repository. */
export function nextStepLines({ endpoint, env, bucket, table }: NextSteps, { bold }: Style): string[] {
  const name = ANOTHER_FILE.slice(ANOTHER_FILE.lastIndexOf('/') + 1);
  return [
    bold('Let another file land: a table of its own'),
    `curl -T ${ANOTHER_FILE} ${endpoint}/${bucket}/more/${name}`,
    '',
    bold('Look around from a shell with these variables'),
    // The AWS SDKs take no notice of the last one, delta-rs and Polars refuse plain HTTP without it.
    ...Object.entries({ ...env, AWS_ALLOW_HTTP: 'true' }).map(([key, value]) => `export ${key}=${value}`),
    `npm run resaca -- inspect s3://${bucket}/${table ?? 'more'}`,
    ...(table === undefined ? [] : readingLines(`s3://${bucket}/${table}`, endpoint, bold)),
  ];
}

function readingLines(url: string, endpoint: string, bold: Style['bold']): string[] {
  const secret = {
    TYPE: 's3',
    KEY_ID: `'${CREDENTIALS.accessKeyId}'`,
    SECRET: `'${CREDENTIALS.secretAccessKey}'`,
    REGION: `'${REGION}'`,
    ENDPOINT: `'${new URL(endpoint).host}'`,
    URL_STYLE: "'path'",
    USE_SSL: 'false',
  };
  const settings = Object.entries(secret).map(([key, value]) => `${key} ${value}`);
  const engines = readCommands(url).filter(({ engine }) => !engine.startsWith('Spark'));
  return engines.flatMap(({ engine, lines: [first = '', ...more] }) => [
    '',
    bold(engine),
    first,
    // It does not take the endpoint from the environment.
    ...(engine === 'DuckDB' ? ['  INSTALL httpfs; LOAD httpfs;', `  CREATE SECRET (${settings.join(', ')});`] : []),
    ...more,
  ]);
}
