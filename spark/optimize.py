"""Upkeep of Delta tables that are beyond one function, as a Spark job (EMR Serverless, Glue, or any Spark with Delta).

    optimize.py rewrite --table s3://lake/orders --run ID [--parallel N] [--minutes N]
    optimize.py vacuum --table s3://lake/orders --retention-hours N [--dry-run]
    optimize.py checkpoint --table s3://lake/orders

None of these writes a commit to the table's log: Spark's log store for S3 is not safe beside other writers. `rewrite`
reads the files that a plan names, with their deletion vectors applied, writes them anew and tells what it wrote; who
made the plan commits it. The formats of plan and result are described in src/maintenance/spark/plan.ts and result.ts.
`vacuum` deletes files only, and `checkpoint` writes a checkpoint only, neither of which other writers can lose by.

The last line of the standard output is one JSON object: `{"task": ..., ...}` with what was done, in bytes, files and
seconds, or `{"task": ..., "error": ...}`. The process ends with 0, with 1 after a failure, with 2 for bad arguments.
"""

import argparse
import json
import re
import sys
import time
import urllib.parse
import uuid
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession

FORMAT = 1
# The column that says to which bin a file belongs, in the table that the job reads.
BIN_COLUMN = "__resaca_bin"
# As many bins at once as there are cores would be best; Spark shares them between its jobs.
DEFAULT_PARALLEL = 16
RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    # Files are written as Delta's own writer writes them, whatever the defaults of the platform are.
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.writeLegacyFormat": "false",
    "spark.sql.files.maxRecordsPerFile": "0",
    # Values pass as they are: no calendar is changed, no text is padded.
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.readSideCharPadding": "false",
    # A file that is gone or broken fails its bin.
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    # VACUUM would note its start and end as commits, which Spark must not write.
    "spark.databricks.delta.vacuum.logging.enabled": "false",
    "spark.databricks.delta.vacuum.parallelDelete.enabled": "true",
}


class JobError(Exception):
    """What is wrong with the plan or the table, in words for people."""


def main(argv):
    options = parse_arguments(argv)
    spark = start_session(f"resaca {options.task}")
    started = time.monotonic()
    try:
        report = TASKS[options.task](spark, options)
    except Exception as error:
        print_report({"task": options.task, "table": options.table, "error": describe(error)})
        return 1
    print_report({"task": options.task, "table": options.table, **report, "seconds": seconds_since(started)})
    return 0


def parse_arguments(argv):
    parser = argparse.ArgumentParser(prog="optimize.py", allow_abbrev=False)
    tasks = parser.add_subparsers(dest="task", required=True)

    def add_task(name):
        task = tasks.add_parser(name, allow_abbrev=False)
        task.add_argument("--table", required=True, type=table_url)
        return task

    rewrite = add_task("rewrite")
    rewrite.add_argument("--run", required=True, type=run_id)
    rewrite.add_argument("--parallel", type=positive, default=DEFAULT_PARALLEL)
    rewrite.add_argument("--minutes", type=positive, help="no bin is begun after this time")
    vacuum = add_task("vacuum")
    vacuum.add_argument("--retention-hours", required=True, type=positive)
    vacuum.add_argument("--dry-run", action="store_true")
    add_task("checkpoint")
    return parser.parse_args(argv)


def table_url(text):
    scheme = urllib.parse.urlsplit(text).scheme
    if scheme not in ("s3", "s3a", "file") or text.endswith("/"):
        raise argparse.ArgumentTypeError(f"expected s3://bucket/prefix without a slash at the end, got {text!r}")
    return text


def run_id(text):
    if not RUN_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"expected a UUID, got {text!r}")
    return text


def positive(text):
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text!r}")
    return int(text)


def start_session(name):
    builder = SparkSession.builder.appName(name)
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


# ---- rewrite ----


def rewrite(spark, options):
    """Writes each bin of the plan anew. A bin that fails is told of in the result and does not keep the others."""
    files = Files(spark, options.table)
    folder = f"_resaca/optimize/{options.run}"
    plan = write_input_table(files, folder, options.run)
    source = spark.read.format("delta").load(files.url(f"{folder}/input"))
    ends_at = None if options.minutes is None else time.monotonic() + 60 * options.minutes

    def rewrite_one(job):
        if ends_at is not None and time.monotonic() >= ends_at:
            return {"bin": job["bin"], "error": f"not begun within {options.minutes} minutes"}
        try:
            return {"bin": job["bin"], "outputs": rewrite_bin(spark, files, folder, source, plan, job)}
        except Exception as error:
            return {"bin": job["bin"], "error": describe(error)}

    with ThreadPoolExecutor(options.parallel) as pool:
        results = list(pool.map(rewrite_one, plan["bins"]))

    outputs = [output for result in results for output in result.get("outputs", [])]
    failed = [result for result in results if "error" in result]
    totals = {
        "bins": len(results),
        "failed": len(failed),
        "files": len(outputs),
        "bytes": sum(output["size"] for output in outputs),
    }
    head = {"format": FORMAT, "run": options.run, "spark": spark.version}
    files.write_lines(f"{folder}/result.jsonl", [head, *results, {"end": True, **totals}])
    if results and len(failed) == len(results):
        raise JobError(f"all {len(failed)} bins failed; the first one: {failed[0]['error']}")
    return {"run": options.run, **totals, **({"firstError": failed[0]["error"]} if failed else {})}


def write_input_table(files, folder, run):
    """Makes a Delta table of the plan's files, where they lie, with a partition for each bin.

    So Delta's own reader applies deletion vectors, adds the columns that a file lacks, and widens types; and the files
    of a bin are found by the partition. It returns the plan without the names of the files.
    """
    lines = files.read_lines(f"{folder}/plan.jsonl")
    head = next(lines, None)
    if not isinstance(head, dict) or head.get("format") != FORMAT or head.get("run") != run:
        raise JobError(f"the plan starts with {json.dumps(head)[:200]}, expected format {FORMAT} and run {run}")
    bins = []

    def actions():
        yield {"protocol": read_protocol(head["protocol"])}
        yield {"metaData": input_metadata(head, run)}
        end = None
        for line in lines:
            if end is not None:
                raise JobError("the plan goes on after its end")
            if line.get("end") is True:
                end = line
                continue
            number = line["bin"]
            bins.append({"bin": number, "folder": line["folder"], "bytes": sum(one["size"] for one in line["inputs"])})
            for one in line["inputs"]:
                yield {"add": input_file(files, line["partitionValues"], number, one)}
        if end is None or end["bins"] != len(bins):
            raise JobError(f"the plan was cut off after {len(bins)} bins")

    files.write_lines(f"{folder}/input/_delta_log/{0:020}.json", actions())
    return {
        "bins": bins,
        "partitionColumns": head["partitionColumns"],
        "targetFileSize": head["targetFileSize"],
        "zOrderBy": head["zOrderBy"],
    }


def read_protocol(protocol):
    """What a reader of the table must know; what writers must know is of no concern for a table of read-only use."""
    reader = protocol["minReaderVersion"]
    if reader < 3:
        return {"minReaderVersion": reader, "minWriterVersion": 2 if reader == 1 else 5}
    features = protocol.get("readerFeatures", [])
    return {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}


def input_metadata(head, run):
    schema = json.loads(head["schemaString"])
    column = {"name": BIN_COLUMN, "type": "integer", "nullable": True, "metadata": {}}
    return {
        "id": run,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({**schema, "fields": [*schema["fields"], column]}),
        "partitionColumns": [*head["partitionColumns"], BIN_COLUMN],
        "configuration": {},
    }


def input_file(files, partition_values, number, one):
    add = {
        "path": files.absolute(one["path"]),
        "partitionValues": {**partition_values, BIN_COLUMN: str(number)},
        "size": one["size"],
        "modificationTime": one["modificationTime"],
        "dataChange": False,
    }
    if one.get("numRecords") is not None:
        add["stats"] = json.dumps({"numRecords": one["numRecords"]})
    if one.get("deletionVector") is not None:
        add["deletionVector"] = absolute_vector(files, one["deletionVector"])
    return add


def absolute_vector(files, vector):
    """PROTOCOL.md "Deletion Vector Descriptor Schema": `u` is relative to the table, which the input table is not."""
    if vector["storageType"] == "i":
        return vector
    text = vector["pathOrInlineDv"]
    if vector["storageType"] == "p":
        return {**vector, "pathOrInlineDv": files.absolute(text)}
    if vector["storageType"] != "u" or len(text) < 20:
        raise JobError(f"the deletion vector {json.dumps(vector)} is of no known kind")
    prefix, encoded = text[:-20], text[-20:]
    name = f"deletion_vector_{uuid.UUID(bytes=decode_z85(encoded))}.bin"
    path = name if prefix == "" else f"{prefix}/{name}"
    return {**vector, "storageType": "p", "pathOrInlineDv": files.absolute(path)}


Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def decode_z85(text):
    """RFC 32 of ZeroMQ."""
    decoded = bytearray()
    for start in range(0, len(text), 5):
        value = 0
        for character in text[start : start + 5]:
            value = value * 85 + Z85.index(character)
        decoded += value.to_bytes(4, "big")
    return bytes(decoded)


def rewrite_bin(spark, files, folder, source, plan, job):
    partitions = plan["partitionColumns"]
    frame = source.where(source[BIN_COLUMN] == job["bin"]).drop(BIN_COLUMN)
    count = max(1, round(job["bytes"] / plan["targetFileSize"]))
    if plan["zOrderBy"]:
        frame = z_ordered(spark, frame, count, plan["zOrderBy"])
    elif count == 1:
        frame = frame.coalesce(1)
    else:
        frame = frame.repartition(count)
    staging = f"{folder}/output/{job['bin']}"
    frame.drop(*partitions).write.mode("overwrite").parquet(files.url(staging))
    outputs = []
    for written, size in files.parquet_files(staging):
        name = f"resaca-compacted-{uuid.uuid4()}.zstd.parquet"
        path = name if job["folder"] == "" else f"{job['folder']}/{name}"
        files.move(written, path)
        outputs.append({"path": path, "size": size})
    return outputs


def z_ordered(spark, frame, count, columns):
    """As OPTIMIZE ZORDER BY of Delta does it, by its own expressions."""
    jvm = spark._jvm
    names = jvm.org.apache.spark.api.python.PythonUtils.toSeq(columns)
    # A Scala object beside a trait of its name has no static methods.
    clustering = getattr(getattr(jvm.org.apache.spark.sql.delta.skipping, "MultiDimClustering$"), "MODULE$")
    clustered = clustering.cluster(frame._jdf, count, names, "zorder")
    return type(frame)(clustered, spark)


# ---- vacuum and checkpoint ----


def vacuum(spark, options):
    retention = f"RETAIN {options.retention_hours} HOURS"
    dry_run = " DRY RUN" if options.dry_run else ""
    rows = spark.sql(f"VACUUM delta.{quoted(options.table)} {retention}{dry_run}").collect()
    return {"retentionHours": options.retention_hours, "dryRun": options.dry_run, "listed": len(rows)}


def checkpoint(spark, options):
    log = spark._jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, options.table)
    none = spark._jvm.scala.Option.empty
    snapshot = log.update(False, none(), none())
    if snapshot.version() < 0:
        raise JobError(f"{options.table} is no Delta table")
    log.checkpoint(snapshot, none())
    return {"version": snapshot.version()}


def quoted(name):
    return "`" + name.replace("`", "``") + "`"


TASKS = {"rewrite": rewrite, "vacuum": vacuum, "checkpoint": checkpoint}


class Files:
    """The objects of a table, by their keys below its root, on whatever file system Spark has for its URL."""

    # Characters that are sent through the gateway to Java at once.
    CHUNK = 1 << 20

    def __init__(self, spark, table):
        self.jvm = spark._jvm
        self.table = table
        self.scheme = urllib.parse.urlsplit(table).scheme
        self.root = self.jvm.org.apache.hadoop.fs.Path(table)
        self.system = self.root.getFileSystem(spark._jsc.hadoopConfiguration())

    def url(self, key):
        return f"{self.table}/{key}"

    def path(self, key):
        return self.jvm.org.apache.hadoop.fs.Path(self.url(key))

    def absolute(self, logged):
        """The URI of a logged path (percent-encoded, below the root or absolute), for the scheme that is in use here."""
        scheme = urllib.parse.urlsplit(logged).scheme
        if scheme == "":
            return f"{self.root.toUri().toString()}/{logged}"
        if scheme in ("s3", "s3a", "s3n"):
            return f"{self.scheme}{logged[len(scheme) :]}"
        return logged

    def read_lines(self, key):
        stream = self.jvm.java.io.InputStreamReader(self.system.open(self.path(key)), "UTF-8")
        reader = self.jvm.java.io.BufferedReader(stream)
        try:
            while (line := reader.readLine()) is not None:
                yield json.loads(line)
        finally:
            reader.close()

    def write_lines(self, key, values):
        """Writes an object, which becomes visible whole; what `values` throws leaves nothing behind that is read."""
        stream = self.system.create(self.path(key), True)
        chunk, size = [], 0
        for value in values:
            line = json.dumps(value, separators=(",", ":")) + "\n"
            chunk.append(line)
            size += len(line)
            if size >= self.CHUNK:
                stream.write("".join(chunk).encode())
                chunk, size = [], 0
        stream.write("".join(chunk).encode())
        stream.close()

    def parquet_files(self, folder):
        found = [one for one in self.system.listStatus(self.path(folder)) if one.getPath().getName().endswith(".parquet")]
        return sorted(((one.getPath(), one.getLen()) for one in found), key=lambda one: one[0].getName())

    def move(self, source, key):
        target = self.path(key)
        # Object stores have no folders, and an empty object in the place of one is nothing that the job may write.
        if self.scheme == "file":
            self.system.mkdirs(target.getParent())
        if not self.system.rename(source, target):
            raise JobError(f"{source.toString()} could not be moved to {target.toString()}")


def describe(error):
    """The first line of an error, which of those from Java is the one of its cause."""
    java = getattr(error, "java_exception", None)
    if java is not None:
        while java.getCause() is not None:
            java = java.getCause()
        return str(java.toString()).splitlines()[0][:500]
    return f"{type(error).__name__}: {error}".splitlines()[0][:500]


def seconds_since(started):
    return round(time.monotonic() - started, 1)


def print_report(report):
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
