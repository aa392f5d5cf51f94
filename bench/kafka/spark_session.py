"""The Spark of the benchmarks: local[2], Delta Lake, and S3A where the request has it."""

import pathlib

from pyspark.sql import SparkSession


def start(request):
    jars = {jar.name: str(jar) for folder in request["jars"] for jar in pathlib.Path(folder).glob("*.jar")}
    settings = {
        "spark.jars": ",".join(jars.values()),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": f"{request['work']}/warehouse",
        "spark.ui.enabled": "false",
        # Small tables: more cost more than they bring.
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.parquet.compression.codec": "snappy",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.log.level": "ERROR",
    }
    if "s3" in request:
        s3 = request["s3"]
        settings |= {
            "spark.hadoop.fs.s3a.endpoint": s3["endpoint"],
            "spark.hadoop.fs.s3a.endpoint.region": s3["region"],
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
            "spark.hadoop.fs.s3a.access.key": s3["accessKeyId"],
            "spark.hadoop.fs.s3a.secret.key": s3["secretAccessKey"],
        }
    builder = SparkSession.builder.master("local[2]").appName("bench")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
