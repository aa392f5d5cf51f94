"""A process that answers one JSON line with one JSON line, and values as text that all readers agree on.

A request is `{"command": name, "arguments": {...}}`; the answer `{"result": ...}` or `{"error": text}`. The process ends
with its standard input. What libraries print goes to standard error, so that it cannot get between the answers: from the
import of this module on, for what is started after it keeps its standard output, and a JVM writes its warnings there.
"""

import datetime
import decimal
import json
import os
import sys


# Engines differ in the zeros that they put behind a decimal's last digit: none are written. No digit may be rounded.
EXACT = decimal.Context(prec=100)

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def serve(commands):
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": commands[request["command"]](**request["arguments"])}
        except BaseException as error:  # pyo3 panics are no Exceptions
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    os._exit(0)


def text(value):
    """Scalars as text (null stays null), structs as objects, maps as sorted lists of pairs."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, decimal.Decimal):
        return format(value.normalize(EXACT), "f")
    if isinstance(value, (bytes, bytearray)):
        return "0x" + bytes(value).hex()
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(" ", "microseconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: text(member) for name, member in value.items()}
    if isinstance(value, list) and value and all(isinstance(entry, tuple) for entry in value):
        return sorted([text(key), text(member)] for key, member in value)
    if isinstance(value, (list, tuple)):
        return [text(member) for member in value]
    raise TypeError(f"no text for a {type(value).__name__}")


def arrow_rows(table):
    """The columns and rows of an Arrow table. Timestamps with a zone are in UTC, whatever zone they show."""
    import pyarrow

    columns = []
    for column in table.columns:
        if pyarrow.types.is_timestamp(column.type) and column.type.tz is not None:
            column = column.cast(pyarrow.timestamp(column.type.unit, "UTC"))
        columns.append([text(value) for value in column.to_pylist()])
    return {"columns": table.column_names, "rows": [list(row) for row in zip(*columns)]}
