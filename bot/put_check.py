"""Brings our check run on a commit to what it should say: made once, added to once, ended."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .annotation import Annotation
from .check import Check
from .github.checks import CheckRun, Checks
from .github.client import TRIES
from .github.errors import GitHubError, UnclearError, WaitedError
from .state import Stage, State
from .sticky import read_marker

# GitHub takes no more in one request, and adds those of each request to what is there.
ANNOTATIONS_AT_ONCE = 50

_EXTERNAL = re.compile(
    r"perflint:(?P<key>[\w.-]{1,64}):(?P<run>\d{1,20})\.(?P<attempt>\d{1,10})(?::(?P<comment>\d{1,20}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """By what we know a check run of ours again: each run and attempt has one of its own.

    `comment` is the comment that told the same: if it is gone, somebody deleted it.
    """

    key: str
    run: int
    attempt: int = 1
    comment: int | None = None

    @classmethod
    def of(cls, key: str, state: State, comment: int | None = None) -> "Identity":
        """The check run of the run that a state is about."""
        return cls(key, state.run or 0, state.attempt, comment)

    @property
    def order(self) -> tuple[int, int]:
        """Newer runs come later."""
        return self.run, self.attempt

    def __str__(self) -> str:
        about = "" if self.comment is None else f":{self.comment}"
        return f"perflint:{self.key}:{self.run}.{self.attempt}{about}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A check run of ours on a commit."""

    identity: Identity
    run: CheckRun

    @property
    def ended(self) -> bool:
        """Whether it waits for nothing more."""
        return self.run.status == "completed"

    @property
    def result(self) -> State | None:
        """What the comment of the same result remembers; None where there is no result."""
        found = read_marker(self.run.text) if self.ended else None
        return found[1] if found and found[1].stage is Stage.FINISHED else None


def check_name(key: str) -> str:
    """How the check run is called: branch protection knows it by this name, which never changes."""
    return "perflint" if key == "default" else f"perflint ({key})"


def ours_among(runs: Iterable[CheckRun], key: str) -> list[Standing]:
    """Those that we made under this key: a job of a workflow may have the same name."""
    found = []
    for run in runs:
        named = _EXTERNAL.fullmatch(run.external_id)
        if named and named["key"] == key:
            comment = int(named["comment"]) if named["comment"] else None
            identity = Identity(key, int(named["run"]), int(named["attempt"]), comment)
            found.append(Standing(identity, run))
    return sorted(found, key=lambda one: (one.identity.order, one.run.id))


def of_run(standing: Sequence[Standing], identity: Identity) -> CheckRun | None:
    """The check run of this very run and attempt, the newest where there are two."""
    same = [one.run for one in standing if one.identity.order == identity.order]
    return same[-1] if same else None


def newer_result(standing: Sequence[Standing], identity: Identity) -> Standing | None:
    """The newest result of a later run."""
    found = [one for one in standing if one.identity.order > identity.order and one.result]
    return found[-1] if found else None


def put(
    checks: Checks,
    check: Check,
    identity: Identity,
    standing: Sequence[Standing],
    page: str | None = None,
) -> CheckRun:
    """Send what is missing, and nothing where nothing is. Raises GitHubError.

    Where GitHub may or may not have done something that twice would be too much, we look before
    anything is sent again.
    """
    run = of_run(standing, identity)
    failed, told, annotated = 0, False, 0 if run is None else run.annotations
    while True:
        try:
            if run is None:
                run = checks.create(_whole(check, identity, page))
                told, annotated = True, min(ANNOTATIONS_AT_ONCE, len(check.annotations))
            more = _missing_annotations(check, annotated)
            if not more and (told or _says(run, check, identity)):
                return run
            run = checks.update(run.id, _content(run, check, identity, more), appends=bool(more))
            # Counted by us: what GitHub shows may come late.
            told, annotated = True, annotated + len(more)
        except UnclearError as error:
            failed += 1
            if failed >= TRIES:
                raise
            if not isinstance(error, WaitedError):
                checks.client.wait(2.0 ** (failed - 1), error)
            found = ours_among(checks.named(check_name(identity.key)), identity.key)
            run = of_run(found, identity)
            told, annotated = False, 0 if run is None else run.annotations


def settle_others(
    checks: Checks, mine: CheckRun, standing: Sequence[Standing], at: Identity
) -> str:
    """End what earlier runs left unfinished, and let none that GitHub shows above ours contradict.

    Returns what went wrong.
    """
    for one in standing:
        hides = one.run.id > mine.id and one.run.conclusion != mine.conclusion
        if one.run.id == mine.id or one.identity.order > at.order or (one.ended and not hides):
            continue
        content: dict[str, object] = {
            "status": "completed",
            "conclusion": mine.conclusion,
            "output": {"title": mine.title, "summary": f"This is what run {at.run} found out."},
        }
        try:
            checks.update(one.run.id, content, appends=False)
        except GitHubError as error:
            return f"the check of run {one.identity.run} could not be ended: {error}"
    return ""


def _whole(check: Check, identity: Identity, page: str | None) -> dict[str, object]:
    content: dict[str, object] = {
        "name": check_name(identity.key),
        "external_id": str(identity),
        "status": check.status,
        "output": _output(check, check.annotations[:ANNOTATIONS_AT_ONCE]),
    }
    if check.conclusion is not None:
        content["conclusion"] = check.conclusion.value
    if page is not None:
        content["details_url"] = page
    return content


def _missing_annotations(check: Check, annotated: int) -> Sequence[Annotation]:
    """The next of those that are not there yet; a run that goes on has none."""
    if check.conclusion is None:
        return ()
    return check.annotations[annotated:][:ANNOTATIONS_AT_ONCE]


def _says(run: CheckRun, check: Check, identity: Identity) -> bool:
    """Whether a check run says all that it should, its annotations aside."""
    if check.conclusion is None:
        return True  # it has begun already, or has even ended
    says = (run.status, run.conclusion, run.title, _plain(run.summary))
    should = (check.status, check.conclusion.value, check.title, _plain(check.summary))
    text = not check.text or _plain(run.text) == _plain(check.text)
    linked = identity.comment is None or _linked(run)
    return says == should and text and linked


def _linked(run: CheckRun) -> bool:
    known = _EXTERNAL.fullmatch(run.external_id)
    return known is not None and known["comment"] is not None


def _content(
    run: CheckRun, check: Check, identity: Identity, more: Sequence[Annotation]
) -> dict[str, object]:
    content: dict[str, object] = {"status": check.status, "output": _output(check, more)}
    if check.conclusion is not None:
        content["conclusion"] = check.conclusion.value
    if identity.comment is not None and not _linked(run):
        content["external_id"] = str(identity)
    return content


def _output(check: Check, annotations: Sequence[Annotation]) -> dict[str, object]:
    output: dict[str, object] = {"title": check.title, "summary": check.summary}
    if check.text:
        output["text"] = check.text
    if annotations:
        output["annotations"] = [
            {
                "path": one.path,
                "start_line": one.start_line,
                "end_line": one.end_line,
                "annotation_level": one.level.value,
                "title": one.title,
                "message": one.message,
            }
            for one in annotations
        ]
    return output


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
