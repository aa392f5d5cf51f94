"""One stream from a folder of Parquet files into a Delta table: up to what is there now, or for ever by an interval of seconds. Its argument is JSON; see landing.ts."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "kafka"))
import spark_session

# Of some 4 MB each: what Spark puts into a commit of 100 MB.
FILES = 25

request = json.loads(sys.argv[1])
spark = spark_session.start(request)
source = f"{request['folder']}/{request['from']}"
# One file tells the schema; without one Spark lists and opens all.
schema = spark.read.parquet(f"{source}/{request['sample']}").schema.add("ds", "date")
stream = (
    spark.readStream.schema(schema)
    .option("maxFilesPerTrigger", FILES)
    .parquet(source)
    .writeStream.format("delta")
    .partitionBy("ds")
    .option("checkpointLocation", f"{request['folder']}/checkpoints/{request['to']}")
    .trigger(**({"processingTime": f"{request['interval']} seconds"} if "interval" in request else {"availableNow": True}))
    .start(f"{request['folder']}/{request['to']}")
)
stream.awaitTermination()
spark.stop()
