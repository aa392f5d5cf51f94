"""One stream from a Kafka topic into a Delta table, up to what the topic has now. Its argument is JSON; see run-spark.ts."""

import json
import pathlib
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, from_json, to_date

COLUMNS = (
    "ts timestamp, method string, url string, status bigint, bytes bigint, took_ms double, user_agent string, "
    "client struct<ip: string, country: string, session: string>"
)

request = json.loads(sys.argv[1])
settings = {
    "spark.jars": ",".join(str(jar) for jar in pathlib.Path(request["jars"]).glob("*.jar")),
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.warehouse.dir": f"{request['folder']}/warehouse",
    "spark.ui.enabled": "false",
    # Small tables: more cost more than they bring.
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.parquet.compression.codec": "snappy",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.log.level": "ERROR",
}
builder = SparkSession.builder.master("local[2]").appName("bench")
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()

source = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", request["bootstrap"])
    .option("subscribe", request["topic"])
    .option("startingOffsets", "earliest")
    .option("maxOffsetsPerTrigger", request["batch"])
    .load()
)
if request["format"] == "avro":
    from pyspark.sql.avro.functions import from_avro

    decoded = from_avro(col("value"), request["avroSchema"])
else:
    decoded = from_json(col("value").cast("string"), COLUMNS)
rows = source.select(decoded.alias("row"), "topic", "partition", "offset").select("row.*", "topic", "partition", "offset")
stream = (
    rows.withColumn("ds", to_date("ts"))
    .writeStream.format("delta")
    .partitionBy("ds")
    .option("checkpointLocation", f"{request['folder']}/checkpoints/{request['topic']}")
    .trigger(availableNow=True)
    .start(f"{request['folder']}/{request['topic']}")
)
stream.awaitTermination()
spark.stop()
