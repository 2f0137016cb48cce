"""What a comment of ours remembers between runs, and how it is packed into its marker."""

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from .acks import Ack, facts_of, read_ack

LONGEST_SAID = 160


class Stage(Enum):
    """How far the run is that a comment tells about; later members replace earlier ones."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"  # without a result
    FINISHED = "finished"

    @property
    def place(self) -> int:
        """Where it stands in the life of a run, from 0."""
        return list(Stage).index(self)


@dataclass(frozen=True, slots=True)
class LastVerdict:
    """What the last finished run said first: `head` is a commit, `said` a plain sentence."""

    head: str
    icon: str
    said: str


@dataclass(frozen=True, slots=True)
class State:
    """What a comment of ours remembers about its result: the two commits and the CI run.

    `run` is None where no CI run made the result. `check` is the number of our check run, `labels`
    are the labels that this result wants on the pull request. `regressed` are marks of the perf
    tests that regressed on this commit (see `left.py`).
    """

    head: str = ""
    base: str = ""
    run: int | None = None
    attempt: int = 1
    stage: Stage = Stage.FINISHED
    check: int | None = None
    last: LastVerdict | None = None
    acks: tuple[Ack, ...] = ()
    labels: tuple[str, ...] = ()
    regressed: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, int, int]:
        """By this the results of one pull request are put in order, the newest last."""
        return self.run or 0, self.attempt, self.stage.place


def pack(state: State) -> str:
    """Write a state in letters that cannot end an HTML comment.

    What has its usual value stays out, so that a plain state reads as it always has.
    """
    facts: dict[str, object] = {"v": 1, "head": state.head, "base": state.base}
    if state.run is not None:
        facts |= {"run": state.run, "attempt": state.attempt}
    if state.stage is not Stage.FINISHED:
        facts["stage"] = state.stage.value
    if state.check is not None:
        facts["check"] = state.check
    if state.last is not None:
        facts["last"] = [state.last.head, state.last.icon, state.last.said[:LONGEST_SAID]]
    if state.acks:
        facts["acks"] = [facts_of(ack) for ack in state.acks]
    if state.labels:
        facts["labels"] = list(state.labels)
    if state.regressed:
        facts["regressed"] = list(state.regressed)
    text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
    # Half a surrogate pair is no character that UTF-8 can write.
    return base64.urlsafe_b64encode(text.encode("utf-8", "replace")).decode().rstrip("=")


def unpack(text: str) -> State:
    """Read a state; one whose commits and run are not ours in every field tells nothing.

    What a later perflint adds is passed over, and so is each other field that cannot be read.
    """
    try:
        facts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        return State()
    match facts:
        case {"v": 1, "head": str(head), "base": str(base), "run": int(run), "attempt": int(turn)}:
            state = State(head, base, run, turn)
        case {"v": 1, "head": str(head), "base": str(base)} if "run" not in facts:
            state = State(head, base)
        case _:
            return State()
    return State(
        state.head,
        state.base,
        state.run,
        state.attempt,
        _stage(facts.get("stage")),
        _number(facts.get("check")),
        _last(facts.get("last")),
        tuple(_acks(facts.get("acks"))),
        _words(facts.get("labels")),
        _words(facts.get("regressed")),
    )


def _stage(value: object) -> Stage:
    return next((stage for stage in Stage if stage.value == value), Stage.FINISHED)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _last(value: object) -> LastVerdict | None:
    match value:
        case [str(head), str(icon), str(said)]:
            return LastVerdict(head, icon, said[:LONGEST_SAID])
    return None


def _acks(value: object) -> Iterator[Ack]:
    for one in value if isinstance(value, list) else ():
        ack = read_ack(one)
        if ack is not None and all(map(math.isfinite, _numbers(ack))):
            yield ack


def _numbers(ack: Ack) -> Iterator[float]:
    """JSON of Python has room for numbers that are none."""
    yield from (one for one in (ack.change, ack.low, ack.high) if one is not None)
    yield ack.min_effect


def _words(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
