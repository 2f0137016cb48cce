"""Calls as rows, one by one, which is how tests think of them."""

from collections.abc import Iterable
from typing import NamedTuple

from torch_perflint.runners.profiling.events import Events, in_order
from torch_perflint.runners.profiling.recording import Kind


class Event(NamedTuple):
    """One call; see `Events`."""

    name: str
    start: int
    end: int
    thread: int
    sequence: int = -1
    backward: bool = False
    device: int | None = None
    kind: Kind = Kind.OPERATOR


def columns(rows: Iterable[Event]) -> Events:
    """The same as columns."""
    name, start, end, thread, sequence, backward, device, kind = (
        zip(*found, strict=True) if (found := [*rows]) else [()] * 8
    )
    on_host = None in device or not device
    return in_order(name, start, end, thread, sequence, backward, kind, None if on_host else device)
