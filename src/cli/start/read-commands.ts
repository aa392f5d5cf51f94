/** Commands with which other engines read the table at this path; tested with the versions in docs/cli.md. */
export function readCommands(path: string): readonly { readonly engine: string; readonly lines: readonly string[] }[] {
  const sqlPath = inDoubleQuotes(path.replaceAll("'", "''"));
  const pythonPath = inDoubleQuotes(path.replaceAll('\\', '\\\\').replaceAll("'", "\\'"));
  const sparkPath = inDoubleQuotes(`\`${path.replaceAll('`', '``')}\``);
  return [
    {
      engine: 'DuckDB',
      lines: ['duckdb -c "INSTALL delta; LOAD delta;', `  FROM delta_scan('${sqlPath}') LIMIT 5;"`],
    },
    {
      engine: 'delta-rs (pip install deltalake pyarrow)',
      lines: [
        'python3 -c "from deltalake import DeltaTable as T',
        `print(T('${pythonPath}').to_pyarrow_table().slice(0, 5))"`,
      ],
    },
    {
      engine: 'Spark 4.1',
      lines: [
        'spark-sql --packages io.delta:delta-spark_4.1_2.13:4.2.0 \\',
        '  --conf spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension \\',
        '  --conf spark.sql.catalog.spark_catalog=\\',
        'org.apache.spark.sql.delta.catalog.DeltaCatalog \\',
        `  -e "SELECT * FROM delta.${sparkPath} LIMIT 5"`,
      ],
    },
  ];
}

/** A path as a word of a shell command. */
export function shellWord(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `"${inDoubleQuotes(path)}"`;
}

/** What a POSIX shell takes for special between double quotes. */
function inDoubleQuotes(text: string): string {
  return text.replace(/[\\"$`]/g, (character) => `\\${character}`);
}
