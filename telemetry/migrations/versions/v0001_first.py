"""The first schema: runs, their perf tests, and counts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table("schema_version", sa.Column("version", sa.Integer, primary_key=True))
    op.create_table(
        "run",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("created", sa.String(40), nullable=False, index=True),
        sa.Column("base", sa.String(64), nullable=False),
        sa.Column("head", sa.String(64), nullable=False, index=True),
        sa.Column("perflint", sa.String(40), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("environment", sa.Text),
    )
    op.create_table(
        "point",
        sa.Column("run", sa.String(64), sa.ForeignKey("run.key"), primary_key=True),
        sa.Column("test", sa.String(500), primary_key=True),
        sa.Column("name", sa.String(500), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("items", sa.Double, nullable=False),
        sa.Column("unit", sa.String(100), nullable=False),
        sa.Column("change", sa.Double),
        sa.Column("low", sa.Double),
        sa.Column("high", sa.Double),
        sa.Column("base_seconds", sa.Double),
        sa.Column("head_seconds", sa.Double),
        sa.Column("peak_device", sa.String(40)),
        sa.Column("base_peak", sa.BigInteger),
        sa.Column("head_peak", sa.BigInteger),
        sa.Column("segments", sa.Text, nullable=False),
    )
    op.create_table(
        "count",
        sa.Column("run", sa.String(64), primary_key=True),
        sa.Column("test", sa.String(500), primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("base", sa.BigInteger, nullable=False),
        sa.Column("head", sa.BigInteger, nullable=False),
        sa.Column("over_budget", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["run", "test"], ["point.run", "point.test"]),
    )
