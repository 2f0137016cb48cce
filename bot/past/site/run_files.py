"""Writes a run's page and its report, in a folder of their own, where the report was kept."""

from pathlib import Path

from ....telemetry.snapshot import Head, Snapshot
from ...report import decode_report
from .run_page import run_page
from .timeline import home_page, web_address


def write_run(past: Snapshot, head: Head, folder: Path) -> bool:
    """Write both; False where the report is kept no more.

    Raises PerflintError where this perflint cannot read it.
    """
    raw = past.report(head.number) if head.has_report else None
    if raw is None:
        return False
    report = decode_report(raw, f"the report of {head.base[:7]}..{head.head[:7]}, {head.created},")
    home = home_page(head.link, head.repository)
    into = folder / head.key[:16]
    into.mkdir(parents=True)
    (into / "report.json").write_bytes(raw)
    page = run_page(report, home, web_address(head.link))
    (into / "index.html").write_text(page, encoding="utf-8")
    return True
