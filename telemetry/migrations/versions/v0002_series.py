"""Series and their points, commits in order, whole reports; runs get a number and a repository."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_OF_RUN = "created, base, head, perflint, status, environment"
_OF_RESULT = (
    "test, name, position, verdict, items, unit, change, low, high, base_seconds, head_seconds, "
    "peak_device, base_peak, head_peak, segments"
)


def upgrade() -> None:
    """Keep every run; its points are made from what is kept, since `readings` is 0."""
    for index, table in (("created", "run"), ("head", "run"), ("name", "point")):
        op.drop_index(f"ix_{table}_{index}", table_name=table)
    for table in ("run", "point", "count"):
        op.rename_table(table, f"first_{table}")
        if op.get_bind().dialect.name == "postgresql":
            # The index behind the key keeps its name, which the new table's needs.
            op.execute(f"ALTER INDEX {table}_pkey RENAME TO first_{table}_pkey")
    _make_run()
    op.execute(
        f"INSERT INTO run (key, repository, {_OF_RUN}, link, source, readings) "
        f"SELECT key, '', {_OF_RUN}, '', 'ci', 0 FROM first_run ORDER BY created, key"
    )
    _make_result()
    op.execute(
        f"INSERT INTO result (run, {_OF_RESULT}, more) "
        f"SELECT one.id, {', '.join(f'two.{name}' for name in _OF_RESULT.split(', '))}, '[]' "
        "FROM first_point AS two JOIN run AS one ON one.key = two.run"
    )
    _make_counted()
    op.execute(
        "INSERT INTO counted (run, test, name, base, head, over_budget) "
        "SELECT one.id, two.test, two.name, two.base, two.head, two.over_budget "
        "FROM first_count AS two JOIN run AS one ON one.key = two.run"
    )
    for table in ("first_count", "first_point", "first_run", "schema_version"):
        op.drop_table(table)
    _make_series()


def _make_run() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("repository", sa.String(200), nullable=False),
        sa.Column("created", sa.String(40), nullable=False, index=True),
        sa.Column("base", sa.String(64), nullable=False),
        sa.Column("head", sa.String(64), nullable=False, index=True),
        sa.Column("perflint", sa.String(40), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("environment", sa.Text),
        sa.Column("link", sa.String(500), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("readings", sa.Integer, nullable=False),
    )


def _make_result() -> None:
    op.create_table(
        "result",
        sa.Column("run", sa.Integer, _of_run(), primary_key=True),
        sa.Column("test", sa.String(500), primary_key=True),
        sa.Column("name", sa.String(500), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("items", sa.Double, nullable=False),
        sa.Column("unit", sa.String(100), nullable=False),
        *(
            sa.Column(name, sa.Double)
            for name in ("change", "low", "high", "base_seconds", "head_seconds")
        ),
        sa.Column("peak_device", sa.String(40)),
        sa.Column("base_peak", sa.BigInteger),
        sa.Column("head_peak", sa.BigInteger),
        sa.Column("segments", sa.Text, nullable=False),
        sa.Column("more", sa.Text, nullable=False),
    )


def _make_counted() -> None:
    op.create_table(
        "counted",
        sa.Column("run", sa.Integer, primary_key=True),
        sa.Column("test", sa.String(500), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("base", sa.BigInteger, nullable=False),
        sa.Column("head", sa.BigInteger, nullable=False),
        sa.Column("over_budget", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["run", "test"], ["result.run", "result.test"], ondelete="CASCADE"),
    )


def _make_series() -> None:
    op.create_table(
        "report",
        sa.Column("run", sa.Integer, _of_run(), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("repository", sa.String(200), nullable=False),
        sa.Column("test", sa.String(500), nullable=False, index=True),
        sa.Column("parameters", sa.String(500), nullable=False),
        sa.Column("metric", sa.String(200), nullable=False),
        sa.Column("unit", sa.String(100), nullable=False),
        sa.Column("higher_is_better", sa.Boolean, nullable=False),
        sa.Column("hardware", sa.String(300), nullable=False),
        sa.Column("torch", sa.String(100), nullable=False),
        sa.Column("driver", sa.String(100), nullable=False),
    )
    op.create_table(
        "mainline",
        sa.Column("repository", sa.String(200), primary_key=True),
        sa.Column("sha", sa.String(64), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Index("mainline_position", "repository", "position"),
    )
    op.create_table(
        "point",
        sa.Column("series", sa.Integer, sa.ForeignKey("series.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("run", sa.Integer, _of_run(), primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("low", sa.Double),
        sa.Column("high", sa.Double),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Index("point_run", "run"),
        sqlite_with_rowid=False,
    )


def _of_run() -> sa.ForeignKey:
    return sa.ForeignKey("run.id", ondelete="CASCADE")
