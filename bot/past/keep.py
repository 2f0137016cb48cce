"""Keeps the report of the run that has just ended, where `perflint ci --record` asks for it."""

from pathlib import Path

from ... import PerflintError
from ..report import Report
from .where import store_at


def check(named: str, here: Path) -> None:
    """Open the history, or make it: what is wrong with it is worth knowing before a long run.

    Raises PerflintError.
    """
    try:
        from ...telemetry.store import open_store
    except ModuleNotFoundError as error:
        raise PerflintError(
            f"--record needs {error.name}: pip install 'torch-perflint[telemetry]'"
        ) from error
    with open_store(store_at(named, here, make=True), create=True):
        pass


def keep(report: Report, named: str, here: Path) -> str:
    """Store a report and put its commits in order; return what was done in words."""
    from ...telemetry.store import open_store
    from .feed import add_report, put_in_order

    with open_store(store_at(named, here, make=True), create=True) as store:
        name, done = add_report(store, report, here)
        return f"{done} in {store.name}; {put_in_order(store, name, here)}"
