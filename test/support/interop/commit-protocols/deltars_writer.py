"""delta-rs as a writer that commits through DynamoDB; endpoints, keys and the provider come from the environment."""

import pyarrow
from deltalake import CommitProperties, DeltaTable, QueryBuilder, Transaction, write_deltalake
from line_server import serve


def append(table, writer, number, first, rows):
    """One commit with the transaction `number` of `writer`, unless the table has it."""
    last = DeltaTable(table).transaction_version(writer)
    if last is not None and last >= number:
        return
    batch = pyarrow.table(
        {"id": pyarrow.array(range(first, first + rows), pyarrow.int64()), "name": pyarrow.array([writer] * rows)}
    )
    properties = CommitProperties(app_transactions=[Transaction(writer, number)])
    write_deltalake(table, batch, mode="append", commit_properties=properties)


def rows(table):
    """Number of rows, and of different ids, by name."""
    statement = "SELECT name, count(*) AS n, count(DISTINCT id) AS ids FROM t GROUP BY name"
    result = QueryBuilder().register("t", DeltaTable(table)).execute(statement).read_all()
    return {row["name"]: [row["n"], row["ids"]] for row in pyarrow.table(result).to_pylist()}


serve({"append": append, "rows": rows})
