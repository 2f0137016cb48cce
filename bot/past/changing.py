"""Tells the changes of stored series: as lines for people, and as JSON for programs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from ...runners.text.numbers import interval, percent
from ...runners.text.words import inert
from ...telemetry.changes import State
from ...telemetry.looks import Change, Looked
from ...telemetry.record import Commit, Series

# What each version of `history changes --output-format json` changed:
# 1: the first.
CHANGES_VERSION = 1

# Commits by repository and place.
Commits = Mapping[tuple[str, int], Commit]


def as_lines(found: Iterable[Looked], commits: Commits) -> Iterator[str]:
    """Yield a line for each change, the newest first, and then one for each slow leak."""
    every = [(one.series, change) for one in found for change in one.changes]
    every.sort(key=lambda pair: (-pair[1].place, pair[0].test, pair[0].metric))
    for series, change in every:
        yield _line(series, change, commits)
    for one in found:
        if one.leak is not None:
            at, name = one.leak, _name(one.series)
            since = _commit(commits.get((one.series.repository, at.place)), at.place)
            yield f"{percent(at.change)} {interval(at.low, at.high)} slowly since {since}: {name}"


def as_json(found: Iterable[Looked], commits: Commits) -> str:
    """Return all that is told."""
    told = [
        {
            "series": asdict(one.series),
            "changes": [_facts(one.series, change, commits) for change in one.changes],
            "leak": asdict(one.leak) if one.leak else None,
        }
        for one in found
    ]
    return json.dumps({"schema_version": CHANGES_VERSION, "series": told}, indent=1)


def places_of(found: Iterable[Looked]) -> dict[str, set[int]]:
    """The places of each repository that the lines name."""
    places: dict[str, set[int]] = {}
    for one in found:
        own = places.setdefault(one.series.repository, set())
        own.update(change.place for change in one.changes)
        own.update([one.leak.place] if one.leak else [])
    return places


def _line(series: Series, change: Change, commits: Commits) -> str:
    at = _commit(commits.get((series.repository, change.place)), change.place)
    between = change.place - change.after_place
    which = "" if between == 1 else f" or one of the {between - 1:,} before it"
    unsure = "" if change.state is State.CONFIRMED else " (suspected)"
    by = f"{percent(change.change)} {interval(change.low, change.high)}"
    return f"{by}{unsure} {_name(series)}: {at}{which}"


def _name(series: Series) -> str:
    return inert(f"{series.metric} of {series.test}{series.parameters} on {series.hardware}", 200)


def _commit(commit: Commit | None, place: int) -> str:
    if commit is None:
        return f"commit {place:,}"
    return inert(f"{commit.sha[:10]} {commit.at[:10]} {commit.subject}", 120)


def _facts(series: Series, change: Change, commits: Commits) -> dict[str, object]:
    at = commits.get((series.repository, change.place))
    return asdict(change) | {"state": change.state.value, "commit": at.sha if at else None}
