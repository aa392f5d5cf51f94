"""One stream from a folder of Parquet files into a Delta table, up to what is there now. Its argument is JSON; see landing.ts."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "kafka"))
import spark_session

# As many files as the append function gets in a batch.
FILES = 100

request = json.loads(sys.argv[1])
spark = spark_session.start(request)
source = f"{request['folder']}/{request['from']}"
schema = spark.read.parquet(source).schema
stream = (
    spark.readStream.schema(schema)
    .option("maxFilesPerTrigger", FILES)
    .parquet(source)
    .writeStream.format("delta")
    .partitionBy("ds")
    .option("checkpointLocation", f"{request['folder']}/checkpoints/{request['to']}")
    .trigger(availableNow=True)
    .start(f"{request['folder']}/{request['to']}")
)
stream.awaitTermination()
spark.stop()
