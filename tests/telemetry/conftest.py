"""A PostgreSQL of the test's own, and histories in either database."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

import sqlalchemy as sa


def _programs() -> Path | None:
    """The folder with PostgreSQL's server; Debian keeps it off the path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server that lives as long as the tests; it refuses to be run by root."""
    programs = _programs()
    if programs is None or not (programs / "initdb").exists():
        pytest.skip("PostgreSQL is not installed: `.ci/run` installs it")
    pytest.importorskip("psycopg")
    owner = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="perflint-postgres-") as name:
        folder = Path(name)
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data = folder / "data"

        def run(program: str, *words: str) -> None:
            subprocess.run(
                [programs / program, *words],
                check=True,
                capture_output=True,
                cwd="/",
                user=owner.pw_uid if owner else None,
                group=owner.pw_gid if owner else None,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            )

        run("initdb", "--auth=trust", "--username=perflint", f"--pgdata={data}")
        # Only a socket in the folder, so that nothing else can be met.
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
        run("pg_ctl", "start", "-w", f"--pgdata={data}", f"--log={folder / 'log'}", "-o", options)
        try:
            yield f"postgresql+psycopg://perflint@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "-m", "immediate", f"--pgdata={data}")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a history of the test's own is to be: a file, or a database of the server."""
    if request.param == "sqlite":
        return str(tmp_path / "history.sqlite")
    return database(request.getfixturevalue("postgres"))


def database(server: str, count: list[int] = [0]) -> str:  # noqa: B006
    """Make an empty database of its own."""
    count[0] += 1
    name = f"history_{os.getpid()}_{count[0]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return sa.make_url(server).set(database=name).render_as_string(hide_password=False)
