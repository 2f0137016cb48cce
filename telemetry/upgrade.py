"""Makes the history's tables, and brings those of an older perflint to what they are now."""

import sqlalchemy as sa

from .. import PerflintError
from .tables import SCHEMA_VERSION, TABLES

_VERSION = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)
# How the first schema said which it was.
_FIRST = sa.Table(
    "schema_version", sa.MetaData(), sa.Column("version", sa.Integer, primary_key=True)
)
_KNOWN = ("0001", "0002", SCHEMA_VERSION)


def bring_up_to_date(connection: sa.Connection, name: str, *, create: bool) -> str | None:
    """Bring a database to the newest schema, within the transaction; return the version it had.

    None where it was empty: then it is made, with `create`. Raises PerflintError where it is none
    of ours, or of a newer perflint; nothing is changed then.
    """
    names = set(sa.inspect(connection).get_table_names())
    if not names and create:
        TABLES.create_all(connection)
        _VERSION.create(connection)
        connection.execute(_VERSION.insert().values(version_num=SCHEMA_VERSION))
        return None
    version = _version(connection, names)
    if version is None:
        raise PerflintError(f"{name} is a database, but no history of perflint: name another one")
    if version not in _KNOWN:
        raise PerflintError(
            f"the history {name} has schema version {version}, and this perflint knows up to "
            f"{SCHEMA_VERSION}: a newer perflint has written it, so use that one"
        )
    if version != SCHEMA_VERSION:
        _upgrade(connection, version)
    return version


def is_current(connection: sa.Connection) -> bool:
    """Whether nothing has to be done: one look, for those who only read."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return False
    return connection.execute(sa.select(_VERSION.c.version_num)).scalar() == SCHEMA_VERSION


def _version(connection: sa.Connection, names: set[str]) -> str | None:
    if _VERSION.name in names:
        return connection.execute(sa.select(_VERSION.c.version_num)).scalar()
    if _FIRST.name in names:
        first = connection.execute(sa.select(_FIRST.c.version)).scalar()
        return "0001" if first == 1 else str(first)
    return None


def _upgrade(connection: sa.Connection, version: str) -> None:
    # Not at the top: it costs as much as all else together, and is needed once a release.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "torch_perflint.telemetry:migrations")
    config.attributes["connection"] = connection
    if version == "0001" and not sa.inspect(connection).has_table(_VERSION.name):
        command.stamp(config, version)
    command.upgrade(config, SCHEMA_VERSION)
