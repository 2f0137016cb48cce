"""A trace as JSON, for other processes, scripts and `perflint check --confirmed-by`."""

import json
from typing import Any

from .rhythm import rhythm, waits_by_step
from .trace import Counts, Frame, Kind, Sync, Trace

# 1: the first.
VERSION = 1
TOOL = "perflint trace"


def as_json(trace: Trace) -> str:
    """Write a trace as one JSON document. docs/tracing.md tells what the keys hold."""
    document = {
        "tool": TOOL,
        "version": VERSION,
        "command": trace.command,
        "device": trace.device,
        "torch": trace.torch,
        "steps": trace.steps,
        "waits": {str(s): n for s, n in waits_by_step(trace.syncs, trace.steady).items()},
        "syncs": [_sync(sync, trace) for sync in trace.syncs],
        "seen_by_cuda": [_sync(sync, trace) for sync in trace.seen_by_cuda],
        "notices": trace.notices,
        "files": trace.files,
    }
    return json.dumps(document, indent=1)


def from_json(text: str) -> Trace:
    """Read what `as_json` wrote. Raises ValueError or KeyError for what is something else."""
    document = json.loads(text)
    return Trace(
        tuple(document["command"]),
        document["device"],
        document["torch"],
        document["steps"],
        tuple(map(_read_sync, document["syncs"])),
        tuple(map(_read_sync, document["seen_by_cuda"])),
        tuple(document["notices"]),
        tuple(document["files"]),
    )


def _sync(sync: Sync, trace: Trace) -> dict[str, Any]:
    beat = rhythm(sync.counts, trace.steady)
    return {
        "kind": sync.kind.value,
        "blocks": sync.kind.blocks,
        "operation": sync.operation,
        "why": sync.why,
        **_frame(sync.place),
        "own": None if sync.own is None else _frame(sync.own),
        "chain": [_frame(frame) for frame in sync.chain],
        "per_step": {
            "typical": beat.typical,
            "least": beat.least,
            "most": beat.most,
            "steps": beat.steps,
            "among": beat.among,
            "every": beat.every,
        },
        "set_up": sync.counts.set_up,
        "first_step": sync.counts.first,
        "steady": {str(step): count for step, count in sync.counts.steady.items()},
        "after": sync.counts.after,
    }


def _frame(frame: Frame) -> dict[str, Any]:
    return {"path": frame.path, "line": frame.line, "function": frame.function}


def _read_sync(given: dict[str, Any]) -> Sync:
    steady = {int(step): count for step, count in given["steady"].items()}
    return Sync(
        Kind(given["kind"]),
        given["operation"],
        given["why"],
        tuple(map(_read_frame, given["chain"])),
        None if given["own"] is None else _read_frame(given["own"]),
        Counts(given["set_up"], given["first_step"], steady, given["after"]),
    )


def _read_frame(given: dict[str, Any]) -> Frame:
    return Frame(given["path"], given["line"], given["function"])
