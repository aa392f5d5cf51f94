import type { StepRule } from '../rule.ts';

/** What DuckDB says of statements, without a table: whether they are what they should be. */
export interface SqlChecker {
  /** What is wrong with a SELECT; undefined if it is one. */
  problemOf(select: string): Promise<string | undefined>;
  close(): void;
}

/** Undefined where DuckDB is not there for this machine, or is not loaded by it. */
export async function openSqlChecker(): Promise<SqlChecker | undefined> {
  try {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    return {
      async problemOf(select) {
        // Reads the statement, and no table: "Only SELECT statements can be serialized" is one of its answers.
        const reader = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [select]);
        const answer: unknown = JSON.parse(String(reader.getRows()[0]?.[0]));
        return describe(answer);
      },
      close() {
        connection.closeSync();
        instance.closeSync();
      },
    };
  } catch {
    // A missing package, or a library for another machine: what the function finds out later is not found out here.
    return undefined;
  }
}

/** What is wrong with the SQL of steps, as far as it can be told without their tables, by setting. */
export async function sqlProblems(
  steps: readonly StepRule[],
): Promise<readonly { readonly step: number; readonly name: string; readonly text: string }[]> {
  const checker = await openSqlChecker();
  if (checker === undefined) return [];
  try {
    const found = await Promise.all(
      steps.flatMap((rule, step) =>
        statementsOf(rule).map(async ({ name, select }) => {
          const text = await checker.problemOf(select);
          return text === undefined ? [] : [{ step, name, text }];
        }),
      ),
    );
    return found.flat();
  } finally {
    checker.close();
  }
}

/** Conditions stand in a SELECT, for they are none by themselves. */
function statementsOf({ transform, mode, quality }: StepRule): { readonly name: string; readonly select: string }[] {
  const condition = (sql: string) => `SELECT 1 FROM t WHERE (\n${sql}\n)`;
  return [
    ...(transform.kind === 'sql' ? [{ name: 'sql', select: transform.sql }] : []),
    ...(mode.kind === 'merge' && mode.deleteWhen !== undefined
      ? [{ name: 'deleteWhen', select: condition(mode.deleteWhen) }]
      : []),
    ...quality.flatMap(({ check }, index) => {
      const name = `quality[${index}]`;
      if (check.kind === 'condition') return [{ name: `${name}.sql`, select: condition(check.sql) }];
      if (check.kind !== 'range') return [];
      const bounds = (['min', 'max'] as const).filter((bound) => check[bound] !== undefined);
      return bounds.map((bound) => ({ name: `${name}.${bound}`, select: condition(`x > (${check[bound]})`) }));
    }),
  ];
}

function describe(answer: unknown): string | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { error, error_message: message, statements } = answer as Record<string, unknown>;
  if (error === true) return `DuckDB cannot read it: ${String(message)}`;
  if (Array.isArray(statements) && statements.length !== 1) return `expected one SELECT, got ${statements.length}`;
  return undefined;
}
