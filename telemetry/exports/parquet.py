"""Parquet: a table with one row per value, for pandas, Polars, DuckDB and others.

https://parquet.apache.org/docs/file-format/
"""

import io
from collections.abc import Iterable
from dataclasses import fields
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from ..record import Entry, Series, Value

_ROWS_AT_ONCE = 50_000
_OF_SERIES = [one.name for one in fields(Series)]
_OF_VALUE = [one.name for one in fields(Value)]
_TYPES = {
    "higher_is_better": pa.bool_(),
    "position": pa.int64(),
    "value": pa.float64(),
    "low": pa.float64(),
    "high": pa.float64(),
    "samples": pa.int64(),
}


def content(entries: Iterable[Entry]) -> bytes:
    """Return the file; `position` is 0 for commits that are not on the main branch."""
    schema = pa.schema(
        [(name, _TYPES.get(name, pa.string())) for name in (*_OF_SERIES, *_OF_VALUE)]
    )
    whole = io.BytesIO()
    with pq.ParquetWriter(whole, schema, compression="zstd") as writer:
        rest = iter(entries)
        while part := list(islice(rest, _ROWS_AT_ONCE)):
            columns = {name: [getattr(one.series, name) for one in part] for name in _OF_SERIES}
            columns |= {name: [getattr(one.value, name) for one in part] for name in _OF_VALUE}
            writer.write_table(pa.table(columns, schema=schema))
    return whole.getvalue()
