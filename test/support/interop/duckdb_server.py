"""DuckDB with its Delta extension, and its TPC-H generator as a source of rows."""

import importlib
import pathlib

import duckdb
from line_server import arrow_rows, serve


def connect():
    connection = duckdb.connect()
    for name in ("httpfs", "delta", "tpch"):
        package = pathlib.Path(importlib.import_module(f"duckdb_extension_{name}").__file__).parent
        extension = next(package.glob(f"extensions/*/{name}.duckdb_extension"))
        connection.execute(f"LOAD '{extension}'")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


connection = connect()


def sql(statement):
    return arrow_rows(connection.execute(statement).fetch_arrow_table())


def read(table):
    return sql(f"SELECT * FROM delta_scan('{quoted(table)}')")


def counts(table, predicates):
    """The number of rows for each predicate; every one is planned, and skips files, by itself."""

    def count(predicate):
        statement = f"SELECT count(*) FROM delta_scan('{quoted(table)}') WHERE {predicate}"
        return connection.execute(statement).fetchone()[0]

    return [count(predicate) for predicate in predicates]


def full_counts(table, predicates):
    """As `counts`, by one look at all rows that cannot skip any."""
    filtered = ", ".join(f"count(*) FILTER (WHERE {predicate})" for predicate in predicates)
    statement = f"SELECT {filtered} FROM delta_scan('{quoted(table)}')"
    return list(connection.execute(statement).fetchone())


def execute(statement):
    connection.execute(statement)


def quoted(name):
    return name.replace("'", "''")


serve({"sql": sql, "read": read, "counts": counts, "fullCounts": full_counts, "execute": execute})
