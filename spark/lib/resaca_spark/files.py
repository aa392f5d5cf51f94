"""The objects of a table."""

import json
import urllib.parse

from resaca_spark.job import JobError


class Files:
    """The objects of a table, by their keys below its root, on whatever file system Spark has for its URL."""

    # Characters that are sent through the gateway to Java at once.
    CHUNK = 1 << 20

    def __init__(self, spark, table):
        self.jvm = spark._jvm
        self.table = table
        self.scheme = urllib.parse.urlsplit(table).scheme
        self.root = self.jvm.org.apache.hadoop.fs.Path(table)
        self.uri = self.root.toUri().toString()
        self.system = self.root.getFileSystem(spark._jsc.hadoopConfiguration())

    def url(self, key):
        return f"{self.table}/{key}"

    def path(self, key):
        return self.jvm.org.apache.hadoop.fs.Path(self.url(key))

    def absolute(self, logged):
        """The URI of a logged path (percent-encoded, below the root or absolute), for the scheme that is in use here."""
        scheme = urllib.parse.urlsplit(logged).scheme
        if scheme == "":
            return f"{self.uri}/{logged}"
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
        """The Parquet files right in a folder: path and bytes of each, in the order of their names."""
        found = [one for one in self.system.listStatus(self.path(folder)) if one.getPath().getName().endswith(".parquet")]
        return sorted(((one.getPath(), one.getLen()) for one in found), key=lambda one: one[0].getName())

    def folders(self, folder):
        """The names of the folders right in a folder; none where it is not there."""
        if not self.system.exists(self.path(folder)):
            return []
        return sorted(one.getPath().getName() for one in self.system.listStatus(self.path(folder)) if one.isDirectory())

    def move(self, source, key):
        target = self.path(key)
        # Object stores have no folders, and an empty object in the place of one is nothing that the job may write.
        if self.scheme == "file":
            self.system.mkdirs(target.getParent())
        if not self.system.rename(source, target):
            raise JobError(f"{source.toString()} could not be moved to {target.toString()}")
