"""Spark as a writer that commits through S3DynamoDBLogStore. Variables: JARS (folders and jars, by colons), S3_ENDPOINT,
REGIONS (a file of the AWS SDK with the endpoint of DynamoDB), COMMIT_TABLE."""

import os
import pathlib
import tempfile

os.environ["TZ"] = "UTC"

from line_server import serve  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402
from pyspark.sql.functions import lit  # noqa: E402


def jars():
    for path in map(pathlib.Path, os.environ["JARS"].split(":")):
        yield from map(str, path.glob("*.jar") if path.is_dir() else [path])


def start():
    options = [
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        f"-Dcom.amazonaws.regions.RegionUtils.fileOverride={os.environ['REGIONS']}",
        "-Dcom.amazonaws.sdk.disableCertChecking=true",
    ]
    settings = {
        "spark.jars": ",".join(jars()),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.delta.logStore.s3a.impl": "io.delta.storage.S3DynamoDBLogStore",
        "spark.io.delta.storage.S3DynamoDBLogStore.ddb.tableName": os.environ["COMMIT_TABLE"],
        "spark.io.delta.storage.S3DynamoDBLogStore.ddb.region": "us-east-1",
        "spark.hadoop.fs.s3a.endpoint": os.environ["S3_ENDPOINT"],
        "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.access.key": os.environ["AWS_ACCESS_KEY_ID"],
        "spark.hadoop.fs.s3a.secret.key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "spark.sql.warehouse.dir": tempfile.mkdtemp(dir=os.environ["TMPDIR"]),
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": " ".join(options),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master("local[1]").appName("commits")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


spark = start()


def append(table, writer, number, first, rows):
    """One commit with the transaction `number` of `writer`, unless the table has it."""
    frame = spark.range(first, first + rows, 1, 1).withColumn("name", lit(writer))
    options = {"txnAppId": writer, "txnVersion": number}
    frame.write.format("delta").mode("append").options(**options).save(table)


def rows(table):
    """Number of rows, and of different ids, by name."""
    spark.read.format("delta").load(table).createOrReplaceTempView("t")
    found = spark.sql("SELECT name, count(*) AS n, count(DISTINCT id) AS ids FROM t GROUP BY name").collect()
    return {row["name"]: [row["n"], row["ids"]] for row in found}


serve({"append": append, "rows": rows})
