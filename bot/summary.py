"""Writes Markdown to the page of a GitHub Actions run."""

from pathlib import Path


def append_summary(summary: Path, body: str) -> str:
    """Append Markdown to the job summary; returns what went wrong, empty where nothing did."""
    try:
        with summary.open("a", encoding="utf-8") as file:
            file.write(f"{body.rstrip()}\n\n")
    except OSError as error:
        return f". The job summary {summary} cannot be written either: {error.strerror}"
    return ""
