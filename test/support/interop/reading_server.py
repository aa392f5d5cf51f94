"""delta-rs, Polars and DuckDB as readers of docs/reading.md; keys, region and endpoint come from the environment."""

import importlib
import pathlib

import duckdb
import polars
import pyarrow
from line_server import arrow_rows, serve, text
from reading_snippets import run

namespaces = {}


def python(code, section):
    """Runs Python code; the snippets of one section share their names."""
    return shown(run(code, namespaces.setdefault(section, {})))


def shown(value):
    if isinstance(value, (polars.DataFrame, polars.LazyFrame)):
        value = value.lazy().collect().to_arrow()
    if hasattr(value, "__arrow_c_stream__"):
        return arrow_rows(pyarrow.table(value))
    if isinstance(value, list):
        # A list of tuples would be taken for a map.
        value = [list(entry) if isinstance(entry, tuple) else entry for entry in value]
    return text(value)


def connect():
    connection = duckdb.connect()
    # Where DuckDB's own extension repository is within reach, these load themselves.
    for name in ("httpfs", "aws", "delta"):
        package = pathlib.Path(importlib.import_module(f"duckdb_extension_{name}").__file__).parent
        extension = next(package.glob(f"extensions/*/{name}.duckdb_extension"))
        connection.execute(f"LOAD '{extension}'")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


connection = connect()


def sql(statements):
    """Executes DuckDB statements and gives the rows of the last one."""
    return arrow_rows(connection.execute(statements).fetch_arrow_table())


def polars_rows(table, use_pyarrow=False):
    """All rows of a table in a local folder, through Polars, by their `id`."""
    return shown(polars.scan_delta(table, use_pyarrow=use_pyarrow).sort("id"))


serve({"python": python, "sql": sql, "polarsRows": polars_rows})
