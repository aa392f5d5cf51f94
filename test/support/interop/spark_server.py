"""Spark with Delta Lake: one Java process for all that is asked. `JARS` names the folder with Delta's jars."""

import json
import os
import pathlib
import tempfile

os.environ["TZ"] = "UTC"

from line_server import serve, text  # noqa: E402
from pyspark.sql import DataFrame, SparkSession  # noqa: E402
from pyspark.sql.types import Row  # noqa: E402
from reading_snippets import run  # noqa: E402


def start():
    jars = ",".join(str(jar) for jar in pathlib.Path(os.environ["JARS"]).glob("*.jar"))
    settings = {
        "spark.jars": jars,
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": tempfile.mkdtemp(dir=os.environ["TMPDIR"]),
        # Small tables on two cores: partitions and user interface cost more than the work.
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.driver.memory": "1g",
        # Half the CPU time of a process that lives for a minute or two. The first compiler alone has 48 MB for its code, and
        # is switched off for good when they are full.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC "
        + f"-Djava.io.tmpdir={os.environ['TMPDIR']}",
        "spark.local.dir": os.environ["TMPDIR"],
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.log.level": "ERROR",
        # Its checksum files cannot have a colon in their names, and object stores have none.
        "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    }
    builder = SparkSession.builder.master("local[2]").appName("interop")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


spark = start()


def collected(frame):
    return {"columns": frame.columns, "rows": [[plain(value) for value in row] for row in frame.collect()]}


def plain(value):
    if isinstance(value, Row):
        return {name: plain(value[name]) for name in value.__fields__}
    if isinstance(value, dict):
        return sorted([plain(key), plain(member)] for key, member in value.items())
    if isinstance(value, list):
        return [plain(member) for member in value]
    return text(value)


def sql(statement):
    return collected(spark.sql(statement))


def python(code):
    """Runs a snippet in which the session is called `spark`."""
    value = run(code, {"spark": spark})
    return collected(value) if isinstance(value, DataFrame) else plain(value)


def hadoop(settings):
    """Sets properties of Hadoop's file systems, such as `fs.s3a.endpoint`; later uses of a bucket see them."""
    configuration = spark.sparkContext._jsc.hadoopConfiguration()
    for name, value in settings.items():
        configuration.set(name, value)


def load(table, version=None):
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(table)


def read(table, version=None):
    return collected(load(table, version))


def schema(table, version=None):
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{table}`").collect()[0]
    return {"schema": load(table, version).schema.json(), "partitionColumns": detail["partitionColumns"]}


def counts(table, predicates):
    """The number of rows for each predicate; every one is a scan of its own that skips files by itself."""
    load(table).createOrReplaceTempView("counted")
    branches = (
        f"SELECT {index} AS i, count(*) AS n FROM counted WHERE {predicate}" for index, predicate in enumerate(predicates)
    )
    # Compiling Java for every branch takes far longer than the few rows.
    settings = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
    for name, value in settings.items():
        spark.conf.set(name, value)
    try:
        rows = spark.sql(" UNION ALL ".join(branches)).collect()
    finally:
        for name in settings:
            spark.conf.unset(name)
    return [row["n"] for row in sorted(rows, key=lambda row: row["i"])]


def full_counts(table, predicates):
    """As `counts`, by one look at all rows that cannot skip any."""
    return list(load(table).selectExpr(*[f"count_if({predicate})" for predicate in predicates]).collect()[0])


def append(table, source):
    """Appends the rows of a Parquet file."""
    spark.read.parquet(source).write.format("delta").mode("append").save(table)


def checkpoint(table):
    log = spark._jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, table)
    none = spark._jvm.scala.Option.empty
    log.checkpoint(log.update(False, none(), none()), none())


def rewrite(source, target, options=None):
    """Reads a Parquet file and writes its rows as one file, with Spark's writer."""
    with tempfile.TemporaryDirectory(dir=os.environ["TMPDIR"]) as folder:
        frame = spark.read.parquet(source).coalesce(1)
        frame.write.mode("overwrite").options(**(options or {})).parquet(f"{folder}/out")
        (part,) = pathlib.Path(f"{folder}/out").glob("part-*.parquet")
        pathlib.Path(target).parent.mkdir(parents=True, exist_ok=True)
        part.rename(target)


def write_exact(path, schema, rows):
    """Writes rows with parquet-java under exactly this schema (the body of a `message`), for types no engine writes.

    Rows are objects; a group is an object, a repeated field a list, bytes are text or `{"hex": ...}`.
    """
    parquet = spark._jvm.org.apache.parquet
    message = parquet.schema.MessageTypeParser.parseMessageType(f"message rows {{ {schema} }}")
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    configuration = spark._jsparkSession.sessionState().newHadoopConf()
    target = spark._jvm.org.apache.hadoop.fs.Path(f"file://{path}")
    builder = parquet.hadoop.example.ExampleParquetWriter.builder(target).withConf(configuration).withType(message)
    writer = builder.build()
    groups = parquet.example.data.simple.SimpleGroupFactory(message)
    for row in rows:
        group = groups.newGroup()
        fill(parquet, group, message, row)
        writer.write(group)
    writer.close()


def fill(parquet, group, kind, members):
    for name, member in members.items():
        field = kind.getType(name)
        repeated = field.getRepetition().toString() == "REPEATED"
        for value in member if repeated else [member]:
            if value is None:
                continue
            if field.isPrimitive():
                group.add(kind.getFieldIndex(name), primitive(parquet, field.asPrimitiveType(), value))
            else:
                fill(parquet, group.addGroup(name), field.asGroupType(), value)


def primitive(parquet, kind, value):
    simple = parquet.example.data.simple
    match kind.getPrimitiveTypeName().toString():
        case "INT32":
            return simple.IntegerValue(signed(int(value), 32))
        case "INT64":
            return simple.LongValue(signed(int(value), 64))
        case "FLOAT":
            return simple.FloatValue(float(value))
        case "DOUBLE":
            return simple.DoubleValue(float(value))
        case "BOOLEAN":
            return simple.BooleanValue(value)
        case name:
            content = bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode()
            binary = parquet.io.api.Binary.fromConstantByteArray(bytearray(content))
            return simple.Int96Value(binary) if name == "INT96" else simple.BinaryValue(binary)


def signed(number, bits):
    return number - 2**bits if number >= 2 ** (bits - 1) else number


serve(
    {
        "sql": sql,
        "python": python,
        "hadoop": hadoop,
        "read": read,
        "schema": schema,
        "counts": counts,
        "fullCounts": full_counts,
        "append": append,
        "checkpoint": checkpoint,
        "rewrite": rewrite,
        "writeExact": write_exact,
    }
)
