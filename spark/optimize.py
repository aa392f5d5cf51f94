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
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from resaca_spark.file_table import absolute_vector, column, write_file_table
from resaca_spark.files import Files
from resaca_spark.job import JobError, describe, positive, run_id, run_task, table_url

FORMAT = 1
# The column that says to which bin a file belongs, in the table that the job reads.
BIN_COLUMN = "__resaca_bin"
# As many bins at once as there are cores would be best; Spark shares them between its jobs.
DEFAULT_PARALLEL = 16

SETTINGS = {
    # VACUUM would note its start and end as commits, which Spark must not write.
    "spark.databricks.delta.vacuum.logging.enabled": "false",
    "spark.databricks.delta.vacuum.parallelDelete.enabled": "true",
}


def main(argv):
    options = parse_arguments(argv)
    return run_task(f"resaca {options.task}", options, TASKS[options.task], SETTINGS)


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
    """Makes a table of the plan's files with a partition for each bin. It returns the plan without the names of the files."""
    lines = files.read_lines(f"{folder}/plan.jsonl")
    head = next(lines, None)
    if not isinstance(head, dict) or head.get("format") != FORMAT or head.get("run") != run:
        raise JobError(f"the plan starts with {json.dumps(head)[:200]}, expected format {FORMAT} and run {run}")
    bins = []

    def adds():
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
                yield input_file(files, line["partitionValues"], number, one)
        if end is None or end["bins"] != len(bins):
            raise JobError(f"the plan was cut off after {len(bins)} bins")

    protocol = read_protocol(head["protocol"])
    write_file_table(files, f"{folder}/input", input_metadata(head, run), protocol, adds())
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
    return {
        "id": run,
        "schema": {**schema, "fields": [*schema["fields"], column(BIN_COLUMN, "integer")]},
        "partitionColumns": [*head["partitionColumns"], BIN_COLUMN],
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
