"""A batch of a step that is beyond one function, as a Spark job (EMR Serverless, or any Spark with Delta Lake).

    step.py run --table s3://lake/silver/orders --step orders --run ID

It does what a plan says, `_resaca/step/<step>/<run>/plan.jsonl` under the target's root: relations, which are files of tables
with their schema, statements over them, results, and outputs, which become data files. It writes no commit: Spark's log store
for S3 is not safe beside other writers. `result.jsonl` in the same folder, which is written last, says what was written; who
made the plan commits it. A job that is killed has left files that nothing refers to, and so has one that is run twice. The
formats are described in src/medallion/spark/plan-lines.ts and result.ts.

The last line of the standard output is one JSON object: `{"task": "run", ...}` with what was done, in bytes, files and seconds,
or `{"task": "run", "error": ...}`. The process ends with 0, with 1 after a failure, with 2 for bad arguments.
"""

import argparse
import datetime
import decimal
import json
import math
import re
import sys
import uuid

from pyspark.sql.types import LongType
from resaca_spark.files import Files
from resaca_spark.job import JobError, run_id, run_task, table_url
from resaca_spark.outputs import staged_frame, write_output
from resaca_spark.relations import RelationReader, backquoted

FORMAT = 1
# Rows of one result, which are all held by the driver and by who reads them.
MAX_RESULT_ROWS = 1_000_000

SETTINGS = {
    # What does not fit fails, as in DuckDB, instead of becoming null or something else.
    "spark.sql.ansi.enabled": "true",
    # "x" is the name of a column, as in standard SQL.
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
}


def main(argv):
    return run_task("resaca step", parse_arguments(argv), run, SETTINGS)


def parse_arguments(argv):
    parser = argparse.ArgumentParser(prog="step.py", allow_abbrev=False)
    task = parser.add_subparsers(dest="task", required=True).add_parser("run", allow_abbrev=False)
    task.add_argument("--table", required=True, type=table_url)
    task.add_argument("--step", required=True, type=step_name)
    task.add_argument("--run", required=True, type=run_id)
    return parser.parse_args(argv)


def step_name(text):
    if not re.fullmatch(r"[a-z0-9_-]+", text):
        raise argparse.ArgumentTypeError(f"expected lower-case letters, digits, - and _, got {text!r}")
    return text


def run(spark, options):
    files = Files(spark, options.table)
    folder = f"_resaca/step/{options.step}/{options.run}"
    plan = Plan(files.read_lines(f"{folder}/plan.jsonl"), options.run)
    # Each attempt has a folder of its own: two of them that run at once do each other no harm.
    attempt = f"{folder}/attempt-{uuid.uuid4()}"

    reader = RelationReader(spark, files, f"{attempt}/input", options.run)
    for relation, members in plan.relations:
        reader.frame(relation, members).createOrReplaceTempView(backquoted(relation["name"]))
    for number, statement in enumerate(plan.statements):
        frame = spark.sql(statement["sql"])
        if statement["materialized"]:
            frame = staged_frame(spark, files, frame, f"{attempt}/statement/{number}")
        frame.createOrReplaceTempView(backquoted(statement["name"]))

    lines = [{"result": one["name"], "rows": result_rows(spark, one)} for one in plan.results]
    for number, output in enumerate(plan.outputs):
        written = write_output(spark, files, f"{attempt}/output/{number}", output)
        lines.append({"output": output["name"], "files": written})
    head = {"format": FORMAT, "run": options.run, "spark": spark.version}
    files.write_lines(f"{folder}/result.jsonl", [head, *lines, {"end": True, "lines": len(lines)}])
    written = [file for line in lines for file in line.get("files", [])]
    return {
        "step": options.step,
        "run": options.run,
        "files": len(written),
        "bytes": sum(file["size"] for file in written),
    }


class Plan:
    """The lines of a plan by their kind, and each relation with its files."""

    def __init__(self, lines, run):
        head = next(lines, None)
        if not isinstance(head, dict) or head.get("format") != FORMAT or head.get("run") != run:
            raise JobError(f"the plan starts with {json.dumps(head)[:200]}, expected format {FORMAT} and run {run}")
        self.relations, self.statements, self.results, self.outputs = [], [], [], []
        count, end = 0, None
        for line in lines:
            if end is not None:
                raise JobError("the plan goes on after its end")
            if line.get("end") is True:
                end = line
                continue
            self.take(line)
            count += 1
        if end is None or end["lines"] != count:
            raise JobError(f"the plan was cut off after {count} lines")

    def take(self, line):
        ((kind, value),) = line.items()
        if kind == "file":
            self.relations[-1][1].append(value)
        elif kind == "relation":
            self.relations.append((value, []))
        elif kind in ("statement", "result", "output"):
            getattr(self, f"{kind}s").append(value)
        else:
            raise JobError(f"the plan has a line of the kind {kind!r}")


def result_rows(spark, result):
    frame = spark.sql(result["sql"])
    rows = frame.limit(MAX_RESULT_ROWS + 1).collect()
    if len(rows) > MAX_RESULT_ROWS:
        raise JobError(f'the result "{result["name"]}" has more than {MAX_RESULT_ROWS} rows')
    longs = [isinstance(field.dataType, LongType) for field in frame.schema.fields]
    return [
        {name: json_value(value, long) for name, value, long in zip(frame.columns, row, longs, strict=True)}
        for row in rows
    ]


def json_value(value, is_long):
    """Whole numbers of 64 bits stand in an object of their own, for JSON has none that are exact."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if is_long:
        return {"long": str(value)}
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, (decimal.Decimal, datetime.date)):
        return str(value)
    raise JobError(f"{value!r} of the type {type(value).__name__} cannot be in a result")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
