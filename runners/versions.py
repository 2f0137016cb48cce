"""Joins what both versions of an edited perf test say: the graver verdict counts. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from .result import RunResult, TestResult
from .sample import Side
from .text.numbers import percent
from .text.words import removes_test, some
from .verdict.compare import Verdict

# What a version says that could not be compared is the least of all.
_GRAVITY = (
    *(Verdict.FAILED, Verdict.SLOWER, Verdict.UNSURE, Verdict.FASTER, Verdict.SAME),
    *(Verdict.NEW, Verdict.BROKEN, Verdict.SKIPPED),
)


def this_change(
    edited: Iterable[str],
    removed: Collection[str] = (),
    users: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Say which files of the harness the change edits, and which it removes.

    `users` maps those that are helpers to the perf tests that use them.
    """
    users = users or {}
    # Helpers come last, with what is said of them.
    names = sorted(edited, key=lambda name: (name in users, name))
    told_name = {
        name: f"{name}, which {some(tests)} {'uses' if len(tests) == 1 else 'use'}"
        if (tests := users.get(name, ()))
        else name
        for name in names
    }
    parts = {
        "edits": [told_name[name] for name in names if name not in removed],
        "removes": [told_name[name] for name in names if name in removed],
    }
    told = [f"{verb} {', '.join(names)}" for verb, names in parts.items() if names]
    return f"this change {' and '.join(told)}"


def join_versions(ours: RunResult, theirs: RunResult, changed: str) -> RunResult:
    """Join a run of head's version of the perf tests with one of base's.

    `changed` says what of them the change edits, in the words of `this_change`.

    An edited test alone never turns a regression green: where either version says slower, or
    counts more than allowed, so does the result. That base's version does not run with head's code
    is no failure of head: the change may have edited the test for that very reason.
    """
    by_id = {result.test.id: result for result in theirs.tests}
    joined = [_joined(result, by_id.get(result.test.id), theirs.tests) for result in ours.tests]
    kept = {result.test.id for result in ours.tests}
    gone = [replace(one, version=Side.BASE) for one in theirs.tests if one.test.id not in kept]
    joined += [one for one in gone if _compared(one)]
    more = (note for note in theirs.notes if note not in ours.notes)
    is_told = (one for one in gone if _compared(one) or one.verdict is Verdict.FAILED)
    told = {removes_test(one.test.id) for one in is_told}
    kept_notes = (note for note in ours.notes if note not in told)
    notes = (*_notes(changed, joined, gone), *kept_notes, *more)
    refused = theirs.refused and f"with base's version of the perf tests, {theirs.refused}"
    ours = replace(
        ours,
        notes=notes,
        environment=ours.environment or theirs.environment,
        interrupted=ours.interrupted or theirs.interrupted,
        unmeasured=(*ours.unmeasured, *(one for one in theirs.unmeasured if one not in kept)),
    )
    return replace(ours, tests=() if refused else tuple(joined), refused=refused)


def graver(one: TestResult, other: TestResult) -> TestResult:
    """Return the graver of two versions' results, holding the other; of equals, head's."""
    first, second = sorted((one, other), key=lambda each: each.version is Side.BASE)
    if _gravity(second) < _gravity(first):
        first, second = second, first
    return replace(first, other=second)


def said_by_versions(result: TestResult) -> str | None:
    """Say what each version of the test says; None where only one was run."""
    if result.other is None:
        return None
    mine, other = _words(result), _words(result.other)
    return f"{result.version.value}'s version of the test says {mine}; {_whose(result)} {other}"


def _joined(head: TestResult, base: TestResult | None, theirs: Iterable[TestResult]) -> TestResult:
    if head.verdict is Verdict.BROKEN and _runs_on_base(head, base, theirs):
        reason = "this change edits the perf test, and it fails"
        head = replace(head, verdict=Verdict.FAILED, reason=reason)
    if base is None:
        return head
    result = graver(head, replace(base, version=Side.BASE))
    return replace(result, notes=(*result.notes, f"{said_by_versions(result)}"))


def _runs_on_base(head: TestResult, base: TestResult | None, theirs: Iterable[TestResult]) -> bool:
    """Whether base runs its own version of what fails on both sides with head's."""
    if base is not None:
        return base.base_failure is None and base.verdict is not Verdict.SKIPPED
    # A file that could not be collected stands for its tests.
    return head.test.id == head.test.path and any(
        one.test.path == head.test.path and one.base_failure is None for one in theirs
    )


def _gravity(result: TestResult) -> int:
    """Sort the graver first."""
    if not _compared(result) and result.version is Side.BASE:
        return len(_GRAVITY)
    place = _GRAVITY.index(result.verdict)
    if result.over_budget:
        place = min(place, _GRAVITY.index(Verdict.SLOWER))
    return place


def _compared(result: TestResult) -> bool:
    return result.verdict in (Verdict.SLOWER, Verdict.FASTER, Verdict.SAME, Verdict.UNSURE)


def _whose(result: TestResult) -> str:
    return f"{result.version.other.value}'s version says"


def _words(result: TestResult) -> str:
    at = result.comparison
    words = result.verdict.value
    if at is not None and _compared(result):
        words += f" ({percent(at.change)})"
    if result.over_budget:
        names = ", ".join(counter.name.replace("_", " ") for counter in result.over_budget)
        words += f", with {names} over budget"
    if not _compared(result):
        failure = result.head_failure or result.base_failure
        words += f" ({failure.summary if failure else result.reason})"
    return words


def _notes(changed: str, joined: Sequence[TestResult], gone: Sequence[TestResult]) -> Iterator[str]:
    both = [result for result in joined if result.other is not None]
    versions = [one for result in joined for one in (result, result.other) if one is not None]
    ran = any(one.version is Side.BASE and _compared(one) for one in versions)
    if ran:
        yield (
            f"{changed}: head's version and base's version were each run on both "
            "sides, and the graver verdict counts"
        )
    else:
        yield (
            f"{changed}: head's version was run on both sides; base's version could not be compared"
        )
    for result in both:
        if result.other is not None and result.verdict is not result.other.verdict:
            yield f"{result.test.name}: {said_by_versions(result)}"
    for result in gone:
        if _compared(result):
            yield f"{result.test.name} is in base's version only: {_words(result)}"
        elif result.verdict is Verdict.FAILED:
            yield (
                f"{result.test.name} is in base's version only, and head cannot run it: "
                f"{result.head_failure.summary if result.head_failure else result.reason}"
            )
