"""Copies a whole history into an empty one: a backup, a restore, a move to another database."""

import sqlalchemy as sa

from .. import PerflintError
from .database import Database
from .tables import TABLES

_ROWS_AT_ONCE = 2000


def copy_all(source: Database, target: Database) -> int:
    """Copy every table in one transaction of each side; return how many rows that were.

    Numbers stay as they are. Raises PerflintError where the target has something already: nothing
    is merged.
    """
    copied = 0
    with source.transaction() as reading, target.transaction(write=True) as writing:
        for table in TABLES.sorted_tables:
            if writing.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first():
                raise PerflintError(
                    f"the history {target.name} has something in it already: copy into a new one"
                )
        for table in TABLES.sorted_tables:
            rows = reading.execution_options(yield_per=_ROWS_AT_ONCE).execute(sa.select(table))
            for part in rows.mappings().partitions():
                writing.execute(table.insert(), [dict(row) for row in part])
                copied += len(part)
        if not target.is_sqlite:
            _count_on(writing)
    return copied


def _count_on(connection: sa.Connection) -> None:
    """Have PostgreSQL number what comes next behind what was copied."""
    for table in TABLES.sorted_tables:
        if "id" in table.c:
            last = sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0) + 1).scalar_subquery()
            sequence = sa.func.pg_get_serial_sequence(table.name, "id")
            connection.execute(sa.select(sa.func.setval(sequence, last, False)))
