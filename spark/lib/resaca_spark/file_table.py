"""Files under a schema: a small Delta table that names them where they lie, so that Delta's own reader applies deletion
vectors, adds the columns that a file lacks, and widens types. It is in the folder of a run, and nobody else reads it.
"""

import itertools
import json
import uuid

from resaca_spark.job import JobError


def write_file_table(files, folder, metadata, protocol, adds):
    """Makes the table in a folder of a run; `metadata` has `id`, `schema` (JSON value) and `partitionColumns`."""
    first = [
        {"protocol": protocol},
        {
            "metaData": {
                "id": metadata["id"],
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps(metadata["schema"]),
                "partitionColumns": metadata["partitionColumns"],
                "configuration": {},
            }
        },
    ]
    files.write_lines(f"{folder}/_delta_log/{0:020}.json", itertools.chain(first, ({"add": add} for add in adds)))


def column(name, kind):
    return {"name": name, "type": kind, "nullable": True, "metadata": {}}


def absolute_vector(files, vector):
    """PROTOCOL.md "Deletion Vector Descriptor Schema": `u` is relative to the table, which the input table is not."""
    if vector["storageType"] == "i":
        return vector
    text = vector["pathOrInlineDv"]
    if vector["storageType"] == "p":
        return {**vector, "pathOrInlineDv": files.absolute(text)}
    if vector["storageType"] != "u" or len(text) < 20:
        raise JobError(f"the deletion vector {json.dumps(vector)} is of no known kind")
    prefix, encoded = text[:-20], text[-20:]
    name = f"deletion_vector_{uuid.UUID(bytes=decode_z85(encoded))}.bin"
    path = name if prefix == "" else f"{prefix}/{name}"
    return {**vector, "storageType": "p", "pathOrInlineDv": files.absolute(path)}


Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def decode_z85(text):
    """RFC 32 of ZeroMQ."""
    decoded = bytearray()
    for start in range(0, len(text), 5):
        value = 0
        for character in text[start : start + 5]:
            value = value * 85 + Z85.index(character)
        decoded += value.to_bytes(4, "big")
    return bytes(decoded)
