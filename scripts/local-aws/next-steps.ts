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
  /** Root of a table by the path convention. Undefined when there is none. */
  readonly table: string | undefined;
}

/** What can be done with the local AWS, as lines for a shell in the repository; capital letters where it is not known. */
export function nextStepLines({ endpoint, env, bucket, table }: NextSteps, { bold }: Style): string[] {
  const [source, key] = table === undefined ? ['FILE.parquet', 'TABLE/FILE.parquet'] : [ANOTHER_FILE, keyBeside(table)];
  return [
    bold('Let another file land'),
    `curl -T ${source} ${endpoint}/${bucket}/${key}`,
    '',
    bold('Look around from a shell with these variables'),
    // The AWS SDKs take no notice of the last one, delta-rs and Polars refuse plain HTTP without it.
    ...Object.entries({ ...env, AWS_ALLOW_HTTP: 'true' }).map(([name, value]) => `export ${name}=${value}`),
    `npm run resaca -- inspect s3://${bucket}/${table ?? 'TABLE'}`,
    ...(table === undefined ? [] : readingLines(`s3://${bucket}/${table}`, endpoint, bold)),
  ];
}

/** Where the file becomes a table of its own, as another schema would not fit into that one. */
function keyBeside(table: string): string {
  return [...table.split('/').slice(0, -1), 'more', ANOTHER_FILE.slice(ANOTHER_FILE.lastIndexOf('/') + 1)].join('/');
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
