"""How a job starts, what it takes as arguments, and what it says at its end."""

import argparse
import json
import re
import time
import urllib.parse

from pyspark.sql import SparkSession

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
    # A file that is gone or broken fails what reads it.
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
}


class JobError(Exception):
    """What is wrong with the plan or the table, in words for people."""


def run_task(name, options, task, settings):
    """Runs `task(spark, options)`, which returns what is to be reported, and reports it. Gives the exit code."""
    spark = start_session(name, settings)
    started = time.monotonic()
    report = {"task": options.task, "table": options.table}
    try:
        report.update(task(spark, options))
    except Exception as error:
        print_report({**report, "error": describe(error)})
        return 1
    print_report({**report, "seconds": round(time.monotonic() - started, 1)})
    return 0


def start_session(name, settings):
    builder = SparkSession.builder.appName(name)
    for key, value in {**SETTINGS, **settings}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


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


def describe(error):
    """The first line of an error, which of those from Java is the one of its cause."""
    java = getattr(error, "java_exception", None)
    if java is not None:
        while java.getCause() is not None:
            java = java.getCause()
        return str(java.toString()).splitlines()[0][:500]
    return f"{type(error).__name__}: {error}".splitlines()[0][:500]


def print_report(report):
    print(json.dumps(report), flush=True)
