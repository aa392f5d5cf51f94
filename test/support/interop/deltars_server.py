"""delta-rs, read in both of its ways (through PyArrow and through DataFusion), and as a second writer."""

import operator

import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import typed_values
from deltalake import DeltaTable, Field, QueryBuilder, Schema, convert_to_deltalake, write_deltalake
from line_server import arrow_rows, serve


def open_table(table, storage=None, version=None):
    return DeltaTable(table, version=version, storage_options=storage)


def query(statement, table, storage=None, version=None):
    """The result of an SQL statement in which the table is called `t`."""
    result = QueryBuilder().register("t", open_table(table, storage, version)).execute(statement)
    return pyarrow.table(result.read_all())


def schema(table, storage=None, version=None):
    delta = open_table(table, storage, version)
    return {"schema": delta.schema().to_json(), "partitionColumns": delta.metadata().partition_columns}


def read_with_pyarrow(table, storage=None, version=None):
    return arrow_rows(open_table(table, storage, version).to_pyarrow_table())


def read_with_datafusion(table, storage=None, version=None):
    return arrow_rows(query("SELECT * FROM t", table, storage, version))


def sql(statement, table, storage=None, version=None):
    return arrow_rows(query(statement, table, storage, version))


def counts(table, predicates, storage=None):
    """The number of rows for each predicate; every one is planned, and skips files, by itself."""
    builder = QueryBuilder().register("t", open_table(table, storage))

    def count(predicate):
        result = builder.execute(f"SELECT count(*) AS n FROM t WHERE {predicate}").read_all()
        return pyarrow.table(result).column(0)[0].as_py()

    return [count(predicate) for predicate in predicates]


def full_counts(table, predicates):
    """As `counts`, by one look at all rows that cannot skip any."""
    filtered = ", ".join(f"count(*) FILTER (WHERE {predicate}) AS n{i}" for i, predicate in enumerate(predicates))
    (row,) = query(f"SELECT {filtered} FROM t", table).to_pylist()
    return [row[f"n{i}"] for i in range(len(predicates))]


def pyarrow_counts(table, predicates, full):
    """`counts` and `full_counts` through PyArrow; predicates are `{column, type, operator, value}`."""
    dataset = open_table(table).to_pyarrow_dataset()
    rows = pyarrow.dataset.dataset(dataset.to_table()) if full else dataset
    return [rows.count_rows(filter=expression(predicate)) for predicate in predicates]


OPERATORS = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def expression(predicate):
    field = pyarrow.dataset.field(*predicate["column"])
    if predicate["operator"] == "IS NULL":
        return field.is_null()
    if predicate["operator"] == "IS NOT NULL":
        return field.is_valid()
    kind = predicate["type"]
    literal = pyarrow.scalar(typed_values.value(kind, predicate["value"]), typed_values.arrow_type(kind))
    return OPERATORS[predicate["operator"]](field, literal)


def append(table, source, storage=None, options=None):
    """Appends the rows of a Parquet file; makes the table where there is none. Returns the version."""
    rows = pyarrow.parquet.read_table(source, partitioning=None)
    write_deltalake(table, rows, mode="append", storage_options=storage, **(options or {}))
    return open_table(table, storage).version()


def append_numbers(table, first, commits, rows, storage=None):
    """That many commits of numbered rows `{id: long, name: string}`, one after the other."""
    for commit in range(commits):
        start = first + commit * rows
        ids = pyarrow.array(range(start, start + rows), pyarrow.int64())
        batch = pyarrow.table({"id": ids, "name": pyarrow.array(["delta-rs"] * rows)})
        write_deltalake(table, batch, mode="append", storage_options=storage)
    return open_table(table, storage).version()


def convert(table, partitions, storage=None):
    """Makes a table of the Parquet files under it, whose folders are named for these partition columns, all of them text."""
    columns = Schema([Field(name, "string") for name in partitions])
    convert_to_deltalake(table, partition_by=columns, partition_strategy="hive", storage_options=storage)


def checkpoint(table, storage=None):
    open_table(table, storage).create_checkpoint()


def compact(table, storage=None):
    return open_table(table, storage).optimize.compact()


serve(
    {
        "schema": schema,
        "readWithPyarrow": read_with_pyarrow,
        "readWithDatafusion": read_with_datafusion,
        "sql": sql,
        "counts": counts,
        "fullCounts": full_counts,
        "pyarrowCounts": pyarrow_counts,
        "append": append,
        "appendNumbers": append_numbers,
        "convert": convert,
        "checkpoint": checkpoint,
        "compact": compact,
    }
)
