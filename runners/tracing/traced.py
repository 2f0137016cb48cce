"""Runs a command so that its Python processes trace themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..inside.launch import run_inside
from .trace import Trace
from .trace_json import from_json


@dataclass(frozen=True, slots=True)
class Traced:
    """How a command ended, and the traces of its processes, the one with most steps first."""

    status: int
    traces: tuple[Trace, ...]


def run_traced(command: Sequence[str], *, quiet: bool = False) -> Traced:
    """Run a command under the tracer. Raises PerflintError where it cannot be started."""
    done = run_inside(command, "runners.tracing.torch_start", example="perflint trace", quiet=quiet)
    traces = sorted(map(from_json, done.told), key=lambda trace: (-trace.steps, -len(trace.syncs)))
    return Traced(done.status, tuple(traces))
