"""What `perflint profile` has found out, as plain data that a child process hands over as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ... import PerflintError
from .flame import Frame
from .memory import Holder, Kept, Saved, StepMemory
from .profile import LineTime, ModuleTime, OperatorTime, PartTime, ProfileSummary

VERSION = 1
# The plan, as JSON, in the environment of the process that profiles.
PLAN = "PERFLINT_PROFILE"
# What is written, the profile and the profiler's own trace.
RESULT, TRACE = "profile.json", "trace.json.gz"
# Steps that warm caches and pools up before anything is timed.
WARM_UP = 5
STEPS = 12


@dataclass(frozen=True, slots=True)
class Plan:
    """What to capture: `steps` without a profiler and as many with it, after `skip` others.

    `what` is how people call it, `root` the folder whose lines are told, and `out` the one that
    everything is written to. `to_end` lets a script go on once it has been profiled.
    """

    what: str
    root: Path
    out: Path
    steps: int = STEPS
    skip: int = WARM_UP
    to_end: bool = False

    def to_json(self) -> str:
        """Write it down, for another process."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """Read it back."""
        data = json.loads(text)
        return cls(**{**data, "root": Path(data["root"]), "out": Path(data["out"])})


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of the flame graph: a line or an operator, and its milliseconds per step."""

    name: str
    milliseconds: float
    blocks: tuple["Block", ...] = ()


@dataclass(frozen=True, slots=True)
class Captured:
    """Some steps of a perf test or a script.

    `clock_ms` is a step without a profiler, to which the profile is brought; `recorded_ms` is one
    with it. `source` has the text of each line that is told, by "path:line". `memory` is None for
    a script that is compiled or has too few steps.
    """

    what: str
    summary: ProfileSummary
    clock_ms: float
    recorded_ms: float
    flame: Block
    source: Mapping[str, str]
    environment: Mapping[str, str]
    notes: tuple[str, ...] = ()
    trace: str | None = None
    memory: StepMemory | None = None


def blocks(frame: Frame, milliseconds: float) -> Block:
    """Bring the tree of all steps to one step that takes so long, the widest blocks first."""
    below = sorted(frame.children.values(), key=lambda child: -child.nanoseconds)
    whole = frame.nanoseconds or 1
    return Block(
        frame.name,
        milliseconds,
        tuple(blocks(one, milliseconds * one.nanoseconds / whole) for one in below),
    )


def sources(summary: ProfileSummary, root: Path) -> dict[str, str]:
    """Read the lines that a profile tells of; what cannot be read has no text."""
    found: dict[str, str] = {}
    for path in sorted({line.path for line in summary.lines}):
        try:
            rows = (root / path).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError):
            continue  # a line without its text is told all the same
        for line in summary.lines:
            if line.path == path and line.line <= len(rows):
                found[f"{path}:{line.line}"] = rows[line.line - 1].strip()
    return found


def to_json(captured: Captured) -> str:
    """Write it down."""
    # Names of files may have what is no Unicode, which only escapes can write.
    return json.dumps({"version": VERSION, **asdict(captured)})


def from_json(text: str, name: str) -> Captured:
    """Read it back. Raises PerflintError where it is none, or of another version."""
    try:
        data = json.loads(text)
        if data.pop("version") != VERSION:
            raise PerflintError(f"{name} was written by another version of perflint")
        summary = _summary(data.pop("summary"))
        flame, notes = _block(data.pop("flame")), tuple(data.pop("notes"))
        memory = data.pop("memory")
        held = None if memory is None else memory_of(memory)
        return Captured(summary=summary, flame=flame, notes=notes, memory=held, **data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PerflintError(f"{name} is no profile of perflint: {error}") from error


def _summary(data: dict[str, Any]) -> ProfileSummary:
    operators = tuple(OperatorTime(**one) for one in data.pop("operators"))
    lines = tuple(LineTime(**one) for one in data.pop("lines"))
    parts = tuple(PartTime(**one) for one in data.pop("parts"))
    modules = tuple(ModuleTime(**one) for one in data.pop("modules"))
    return ProfileSummary(operators=operators, lines=lines, parts=parts, modules=modules, **data)


def memory_of(data: dict[str, Any]) -> StepMemory:
    """Read what a step holds; profiles of older versions do not say what is kept."""
    holders = tuple(Holder(**one) for one in data.pop("holders"))
    saved = tuple(Saved(**one) for one in data.pop("saved"))
    kept = tuple(Kept(**one) for one in data.pop("kept", ()))
    return StepMemory(holders=holders, saved=saved, kept=kept, **data)


def _block(data: dict[str, Any]) -> Block:
    return Block(data["name"], data["milliseconds"], tuple(_block(one) for one in data["blocks"]))
