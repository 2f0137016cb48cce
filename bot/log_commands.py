"""Annotations as workflow commands: GitHub Actions shows them where no check run can be written."""

from collections.abc import Iterable

from .check import Annotation, Level

_COMMANDS = {Level.FAILURE: "error", Level.WARNING: "warning", Level.NOTICE: "notice"}


def log_commands(annotations: Iterable[Annotation]) -> str:
    """Write a line for each; nothing in them can end its line or begin another command."""
    return "".join(f"{_command(one)}\n" for one in annotations)


def data(text: str) -> str:
    """What stands behind the `::` of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _command(one: Annotation) -> str:
    where = {
        "file": one.path,
        "line": str(one.start_line),
        "endLine": str(one.end_line),
        "title": one.title,
    }
    properties = ",".join(f"{key}={_property(value)}" for key, value in where.items())
    return f"::{_COMMANDS[one.level]} {properties}::{data(one.message)}"


def _property(text: str) -> str:
    return data(text).replace(":", "%3A").replace(",", "%2C")
