"""One stream from a Kafka topic into a Delta table: up to what the topic has now by batches, or for ever by an interval of seconds. Its argument is JSON; see run-spark.ts."""

import json
import sys

import spark_session
from pyspark.sql.functions import col, from_json, to_date

COLUMNS = (
    "ts timestamp, method string, url string, status bigint, bytes bigint, took_ms double, user_agent string, "
    "client struct<ip: string, country: string, session: string>"
)

request = json.loads(sys.argv[1])
spark = spark_session.start(request)

trigger = {"availableNow": True} if "batch" in request else {"processingTime": f"{request['interval']} seconds"}
limit = {"maxOffsetsPerTrigger": request["batch"]} if "batch" in request else {}

source = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", request["bootstrap"])
    .option("subscribe", request["topic"])
    .option("startingOffsets", "earliest")
    .options(**limit)
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
    .trigger(**trigger)
    .start(f"{request['folder']}/{request['topic']}")
)
stream.awaitTermination()
spark.stop()
