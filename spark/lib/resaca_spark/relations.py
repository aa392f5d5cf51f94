"""Rows of files under a name, as a plan describes them: columns of a schema, and extras behind them."""

import json
from collections import Counter

from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from resaca_spark.file_table import absolute_vector, column, write_file_table
from resaca_spark.files import Files
from resaca_spark.job import JobError

CHANGE_TYPE = "_change_type"
# Columns of the tables of files, beside those of the relation.
EXTRA = "__resaca_extra_"
FILE = "__resaca_file"
ROW = "__resaca_row"
TYPES = {"string": "string", "long": "long"}


class RelationReader:
    """Makes frames of relations. `folder` is one of the run's, in which nothing else is."""

    def __init__(self, spark, files, folder, run):
        self.spark = spark
        self.files = files
        self.folder = folder
        self.run = run
        self.tables = {files.table: files}
        self.made = 0

    def frame(self, relation, members):
        """The rows of `members`, the relation's files."""
        parts = []
        for kind, layer in self.layers(members):
            if kind == "all":
                parts.append(self.rows(relation, layer, "deletionVector"))
            elif kind == "recorded":
                parts.append(self.rows(relation, layer, None, recorded=True))
            else:
                parts.extend(self.differences(relation, layer))
        if not parts:
            parts = [self.rows(relation, [], None)]
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.unionByName(part)
        return whole

    def layers(self, members):
        """Groups of files in which none is twice: a log names a file once, but rows of it may have come and gone."""
        layers, seen = {}, Counter()
        for member in members:
            kind = member["rows"]["kind"]
            identity = (kind, member["table"], member["path"])
            layers.setdefault((kind, seen[identity]), []).append(member)
            seen[identity] += 1
        return [(kind, layer) for (kind, _), layer in layers.items()]

    def rows(self, relation, members, vector, recorded=False):
        table = self.table(relation, members, vector, recorded)
        return table.select(*self.columns(relation, table, recorded))

    def differences(self, relation, members):
        """What one deletion vector deletes and another does not, told by the numbers of the rows in their file."""
        before, after = (self.numbered(relation, members, vector) for vector in ("before", "after"))
        for frame, other, change in ((before, after, "delete"), (after, before, "insert")):
            # Before the first change of a file nothing of it was deleted: nothing can have come back.
            if change == "insert" and all("before" not in member["rows"] for member in members):
                continue
            found = frame.join(other.select(FILE, ROW), [FILE, ROW], "left_anti")
            if any(extra["name"] == CHANGE_TYPE for extra in relation["extras"]):
                found = found.withColumn(CHANGE_TYPE, F.lit(change))
            yield found.select(*[backquoted(name) for name in self.names(relation)])

    def numbered(self, relation, members, vector):
        table = self.table(relation, members, vector, numbered=True)
        return table.select(*self.columns(relation, table), FILE, F.col("_metadata.row_index").alias(ROW))

    def table(self, relation, members, vector, recorded=False, numbered=False):
        """A table of the files, with the extras' constants as partition columns."""
        fields = [plain(field) for field in relation["schema"]["fields"]]
        names = {field["name"] for field in fields}
        if recorded:
            fields = [*fields, column(CHANGE_TYPE, "string")]
        extras = [(extra, f"{EXTRA}{index}") for index, extra in enumerate(relation["extras"])]
        partitions = [name for name in relation["partitionColumns"] if name in names]
        partition_columns = [*partitions, *(name for _, name in extras), *([FILE] if numbered else [])]
        fields += [column(name, TYPES[extra["type"]]) for extra, name in extras]
        if numbered:
            fields.append(column(FILE, "long"))

        def adds():
            for number, member in enumerate(members):
                values = {name: member["partitionValues"].get(name) for name in partitions}
                for extra, name in extras:
                    value = member["constants"].get(extra["name"])
                    values[name] = None if value is None else str(value)
                if numbered:
                    values[FILE] = str(number)
                yield self.add(member, values, vector)

        folder = f"{self.folder}/{self.made}"
        self.made += 1
        schema = {"type": "struct", "fields": fields}
        metadata = {"id": self.run, "schema": schema, "partitionColumns": partition_columns}
        write_file_table(self.files, folder, metadata, protocol(schema, members), adds())
        return self.spark.read.format("delta").load(self.files.url(folder))

    def add(self, member, values, vector):
        files = self.tables.get(member["table"])
        if files is None:
            files = self.tables[member["table"]] = Files(self.spark, member["table"])
        add = {
            "path": files.absolute(member["path"]),
            "partitionValues": values,
            "size": member["size"],
            "modificationTime": 0,
            "dataChange": False,
        }
        deleted = None if vector is None else member["rows"].get(vector)
        if deleted is not None:
            add["deletionVector"] = absolute_vector(files, deleted)
        return add

    def columns(self, relation, table, recorded=False):
        for field in relation["schema"]["fields"]:
            yield table[backquoted(field["name"])]
        for index, extra in enumerate(relation["extras"]):
            is_in_rows = recorded and extra["name"] == CHANGE_TYPE
            yield table[CHANGE_TYPE if is_in_rows else f"{EXTRA}{index}"].alias(extra["name"])

    def names(self, relation):
        return [one["name"] for one in (*relation["schema"]["fields"], *relation["extras"])]


def plain(field):
    """A field that may be null everywhere, for a file may lack it, without the metadata that only writers look at."""
    kept = {name: value for name, value in field.get("metadata", {}).items() if name == "delta.typeChanges"}
    return {"name": field["name"], "type": nullable(field["type"]), "nullable": True, "metadata": kept}


def nullable(kind):
    if isinstance(kind, str):
        return kind
    if kind["type"] == "struct":
        return {"type": "struct", "fields": [plain(field) for field in kind["fields"]]}
    if kind["type"] == "array":
        return {"type": "array", "elementType": nullable(kind["elementType"]), "containsNull": True}
    return {
        "type": "map",
        "keyType": nullable(kind["keyType"]),
        "valueType": nullable(kind["valueType"]),
        "valueContainsNull": True,
    }


def protocol(schema, members):
    """What a reader of the files must know (PROTOCOL.md "Table Features")."""
    text = json.dumps(schema)
    features = []
    if any(vector in member["rows"] for member in members for vector in ("deletionVector", "before", "after")):
        features.append("deletionVectors")
    if '"timestamp_ntz"' in text:
        features.append("timestampNtz")
    if '"variant"' in text:
        features.append("variantType")
    if '"delta.typeChanges"' in text:
        features.append("typeWidening")
    if not features:
        return {"minReaderVersion": 1, "minWriterVersion": 2}
    return {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}


def schema_of(value):
    """Spark's schema for a Delta schema in JSON; all columns may be null."""
    try:
        return StructType.fromJson(nullable(value))
    except (KeyError, ValueError, TypeError) as error:
        raise JobError(f"{json.dumps(value)[:200]} is no schema: {error}") from error


def backquoted(name):
    return "`" + name.replace("`", "``") + "`"
