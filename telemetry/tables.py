"""The tables of the history. `migrations/` makes and changes them; the two have to agree."""

import sqlalchemy as sa

# Of the newest migration; see migrations/versions.
SCHEMA_VERSION = "0003"

TABLES = sa.MetaData()

RUN = sa.Table(
    "run",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("repository", sa.String(200), nullable=False),
    sa.Column("created", sa.String(40), nullable=False, index=True),
    sa.Column("base", sa.String(64), nullable=False),
    sa.Column("head", sa.String(64), nullable=False, index=True),
    sa.Column("perflint", sa.String(40), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("environment", sa.Text),  # JSON; None where nothing ran
    sa.Column("link", sa.String(500), nullable=False),
    sa.Column("source", sa.String(20), nullable=False),
    sa.Column("readings", sa.Integer, nullable=False),  # their version; 0 before there are any
)

RESULT = sa.Table(
    "result",
    TABLES,
    sa.Column("run", sa.Integer, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("test", sa.String(500), primary_key=True),
    sa.Column("name", sa.String(500), nullable=False, index=True),
    sa.Column("position", sa.Integer, nullable=False),  # in the report
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
    sa.Column("segments", sa.Text, nullable=False),  # JSON: [[launch, [[base, head], ...]], ...]
    sa.Column("more", sa.Text, nullable=False),  # JSON: readings that nothing above gives
)

COUNT = sa.Table(
    "counted",
    TABLES,
    sa.Column("run", sa.Integer, primary_key=True),
    sa.Column("test", sa.String(500), primary_key=True),
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("base", sa.BigInteger, nullable=False),
    sa.Column("head", sa.BigInteger, nullable=False),
    sa.Column("over_budget", sa.Boolean, nullable=False),
    sa.ForeignKeyConstraint(["run", "test"], ["result.run", "result.test"], ondelete="CASCADE"),
)

REPORT = sa.Table(
    "report",
    TABLES,
    sa.Column("run", sa.Integer, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),  # JSON, gzip
)

SERIES = sa.Table(
    "series",
    TABLES,
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

# First parents of the main branch, those without a result too.
COMMIT = sa.Table(
    "mainline",
    TABLES,
    sa.Column("repository", sa.String(200), primary_key=True),
    sa.Column("sha", sa.String(64), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Index("mainline_position", "repository", "position"),
)

# Clustered by its key, so that the end of a series is read in one go.
POINT = sa.Table(
    "point",
    TABLES,
    sa.Column("series", sa.Integer, sa.ForeignKey("series.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),  # 0: not on the main branch
    sa.Column("run", sa.Integer, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("low", sa.Double),
    sa.Column("high", sa.Double),
    sa.Column("samples", sa.Integer, nullable=False),
    sa.Index("point_run", "run"),
    sqlite_with_rowid=False,
)

# What was told of a series, as JSON, and what tells whether it is as it was then.
LOOK = sa.Table(
    "look",
    TABLES,
    sa.Column("series", sa.Integer, sa.ForeignKey("series.id"), primary_key=True),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("last", sa.Integer, nullable=False),  # place
    sa.Column("newest", sa.Integer, nullable=False),  # run
    sa.Column("digest", sa.String(64), nullable=False),  # of the values
    sa.Column("told", sa.Text, nullable=False),
)
