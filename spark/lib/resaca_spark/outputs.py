"""Rows that become the data files of a table, which nothing refers to until they are committed."""

import json
import math
import re
import urllib.parse
import uuid
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import functions as F
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegralType,
    MapType,
    NullType,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from resaca_spark.files import Files
from resaca_spark.job import JobError
from resaca_spark.relations import backquoted, schema_of

# The column with the partition of a row in staged files: a JSON list of texts and nulls.
PARTITION = "__resaca_partition"
TIE = "__resaca_tie"
# Files that are moved to their place at once: on S3 each is copied.
PARALLEL_MOVES = 16


def write_output(spark, files, folder, output):
    """Writes the rows of a query: first as they come, by which their bytes are known, then in order and in files of the size
    that was asked for. `folder` is one of the run's. Returns the files."""
    schema = schema_of(output["schema"])
    may_be_null = {field["name"] for field in output["schema"]["fields"] if field["nullable"]}
    rows = cast_rows(spark.sql(output["sql"]), schema, may_be_null, output["name"])
    staged = f"{folder}/rows"
    bytes_staged = stage(spark, files, rows, staged)
    ordered = in_files(spark.read.schema(rows.schema).parquet(files.url(staged)), output, bytes_staged)
    written = f"{folder}/files"
    ordered.write.mode("overwrite").partitionBy(PARTITION).parquet(files.url(written))
    return place(spark, files, written, output)


def stage(spark, files, frame, folder):
    """Keeps the rows of a frame, so that whatever reads them reads the same; returns bytes."""
    frame.write.mode("overwrite").parquet(files.url(folder))
    return sum(size for _, size in files.parquet_files(folder))


def staged_frame(spark, files, frame, folder):
    """The frame, computed once. A column of nulls has no type in Parquet: it is put in again."""
    empty = {field.name for field in frame.schema.fields if isinstance(field.dataType, NullType)}
    kept = [backquoted(name) for name in frame.columns if name not in empty]
    stage(spark, files, frame.select(*kept) if kept else frame.select(F.lit(True).alias(TIE)), folder)
    read = spark.read.parquet(files.url(folder))
    return read.select(*[F.lit(None).alias(name) if name in empty else read[backquoted(name)] for name in frame.columns])


def in_files(frame, output, size):
    """The frame with a task for each file, about, the rows of each in their order."""
    kinds = {field.name: field.dataType for field in frame.schema.fields}
    partitions = output["partitionColumns"]
    values = [partition_text(F.col(backquoted(name)), kinds[name]) for name in partitions]
    # Never null: else Spark sorts once more by it alone, and the order of the rows is lost.
    partition = F.coalesce(F.to_json(F.array(*values)) if values else F.lit("[]"), F.lit("[]"))
    sort_by = [backquoted(name) for name in output["sortBy"] if name not in partitions]
    order = [PARTITION, *sort_by]
    count = max(1, math.ceil(size / output["targetFileBytes"]))
    frame = frame.withColumn(PARTITION, partition).drop(*partitions)
    if count == 1:
        return frame.coalesce(1).sortWithinPartitions(*order)
    # The last column cuts what is alike, as all rows of a large partition are, into several files.
    spread = frame.withColumn(TIE, F.monotonically_increasing_id())
    spread = spread.repartitionByRange(count, *order, TIE) if sort_by or partitions else spread.repartition(count)
    return spread.drop(TIE).sortWithinPartitions(*order)


def partition_text(value, kind):
    """PROTOCOL.md "Partition Value Serialization". An empty text is null there."""
    if isinstance(kind, TimestampType):
        return F.date_format(value, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'")
    if isinstance(kind, TimestampNTZType):
        return F.date_format(value, "yyyy-MM-dd HH:mm:ss.SSSSSS")
    if isinstance(kind, BinaryType):
        raise JobError("a column of bytes cannot partition what a step writes")
    return F.nullif(value.cast("string"), F.lit(""))


def place(spark, files, written, output):
    """Moves files to their place in the table, under names that nobody has."""
    table = Files(spark, output["table"])
    if table.scheme != files.scheme:
        raise JobError(f"{output['table']} is not on the same file system as {files.table}")
    moves = []
    for folder in files.folders(written):
        if not folder.startswith(f"{PARTITION}="):
            continue
        values = json.loads(urllib.parse.unquote(folder[len(PARTITION) + 1 :]))
        partition = dict(zip(output["partitionColumns"], values, strict=True))
        for source, size in files.parquet_files(f"{written}/{folder}"):
            parts = [output.get("folder"), *hive_folders(partition), name_file(output)]
            path = "/".join(part for part in parts if part)
            moves.append((source, {"path": path, "size": size, "partitionValues": partition}))
    with ThreadPoolExecutor(PARALLEL_MOVES) as pool:
        list(pool.map(lambda move: table.move(move[0], move[1]["path"]), moves))
    return [file for _, file in moves]


def name_file(output):
    return output["fileName"].replace("{uuid}", str(uuid.uuid4()))


# What Spark escapes in the names of folders (ExternalCatalogUtils).
ESCAPED = re.compile(r"[\x01-\x1f\"#%'*/:=?\\\x7f{\[\]^]")


def hive_folders(partition):
    for name, value in partition.items():
        yield f"{escaped(name)}={'__HIVE_DEFAULT_PARTITION__' if value is None else escaped(value)}"


def escaped(text):
    return ESCAPED.sub(lambda found: f"%{ord(found.group()):02X}", text)


# ---- casts ----


def cast_rows(frame, schema, may_be_null, name):
    """Columns by name, in the schema's order and types; a value that does not fit fails the job (ANSI mode)."""
    own = {field.name.lower(): field for field in frame.schema.fields}
    columns = []
    for field in schema.fields:
        source = own.get(field.name.lower())
        if source is None:
            raise JobError(f'the query of "{name}" has no column "{field.name}", but {", ".join(frame.columns)}')
        value = cast(frame[backquoted(source.name)], source.dataType, field.dataType)
        columns.append((value if field.name in may_be_null else not_null(value, field, name)).alias(field.name))
    return frame.select(*columns)


def not_null(value, field, name):
    problem = f'"{name}" has a null in the column "{field.name}", which is not nullable'
    return F.coalesce(value, F.raise_error(F.lit(problem)).cast(field.dataType))


def cast(value, source, target):
    """As DuckDB casts: structs by the names of their fields, fractions to whole numbers by rounding."""
    if source == target or isinstance(source, NullType):
        return value.cast(target)
    if isinstance(target, StructType) and isinstance(source, StructType):
        own = {field.name.lower(): field for field in source.fields}
        fields = [member(value, own.get(field.name.lower()), field) for field in target.fields]
        return F.when(value.isNotNull(), F.struct(*fields)).cast(target)
    if isinstance(target, ArrayType) and isinstance(source, ArrayType):
        return F.transform(value, lambda one: cast(one, source.elementType, target.elementType)).cast(target)
    if isinstance(target, MapType) and isinstance(source, MapType):
        keys = F.transform_keys(value, lambda key, _: cast(key, source.keyType, target.keyType))
        return F.transform_values(keys, lambda _, one: cast(one, source.valueType, target.valueType)).cast(target)
    if isinstance(target, IntegralType) and isinstance(source, (FloatType, DoubleType)):
        return F.rint(value).cast(target)
    if isinstance(target, IntegralType) and isinstance(source, DecimalType):
        return F.round(value, 0).cast(target)
    return value.cast(target)


def member(value, own, field):
    if own is None:
        return F.lit(None).cast(field.dataType).alias(field.name)
    return cast(value.getField(own.name), own.dataType, field.dataType).alias(field.name)
