"""Values of Delta types from the text in which tests give them; the reverse of `line_server.text`."""

import datetime
import decimal

import pyarrow

SIMPLE = {
    "string": pyarrow.string(),
    "long": pyarrow.int64(),
    "integer": pyarrow.int32(),
    "short": pyarrow.int16(),
    "byte": pyarrow.int8(),
    "float": pyarrow.float32(),
    "double": pyarrow.float64(),
    "boolean": pyarrow.bool_(),
    "binary": pyarrow.binary(),
    "date": pyarrow.date32(),
    "timestamp": pyarrow.timestamp("us", "UTC"),
    "timestamp_ntz": pyarrow.timestamp("us"),
}


def arrow_type(delta):
    """The Arrow type of a Delta type, given as in a table's schema."""
    if isinstance(delta, str) and delta.startswith("decimal("):
        precision, scale = delta[len("decimal(") : -1].split(",")
        return pyarrow.decimal128(int(precision), int(scale))
    if isinstance(delta, str):
        return SIMPLE[delta]
    if delta["type"] == "array":
        return pyarrow.list_(arrow_type(delta["elementType"]))
    if delta["type"] == "map":
        return pyarrow.map_(arrow_type(delta["keyType"]), arrow_type(delta["valueType"]))
    return pyarrow.struct([(field["name"], arrow_type(field["type"])) for field in delta["fields"]])


def value(delta, text):
    """A Python value from its text."""
    if text is None:
        return None
    if not isinstance(delta, str):
        if delta["type"] == "array":
            return [value(delta["elementType"], member) for member in text]
        if delta["type"] == "map":
            return [(value(delta["keyType"], key), value(delta["valueType"], member)) for key, member in text]
        return {field["name"]: value(field["type"], text[field["name"]]) for field in delta["fields"]}
    if delta == "string":
        return text
    if delta in ("long", "integer", "short", "byte"):
        return int(text)
    if delta in ("float", "double"):
        return float(text)
    if delta == "boolean":
        return text == "true"
    if delta == "binary":
        return bytes.fromhex(text[2:])
    if delta == "date":
        return datetime.date.fromisoformat(text)
    if delta.startswith("timestamp"):
        moment = datetime.datetime.fromisoformat(text)
        return moment.replace(tzinfo=datetime.timezone.utc) if delta == "timestamp" else moment
    return decimal.Decimal(text)
