"""What lines cost in a step, measured by others, held against the findings."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import PerflintError
from .finding import Finding

# Less than this share of a step is within what a profile errs by.
_NOTHING = 0.005


@dataclass(frozen=True, slots=True)
class LineCost:
    """What a line costs in a step of one perf test or script: milliseconds, and the step's."""

    what: str
    milliseconds: float
    step: float


# By the path of the file and the number of the line.
Costs = Mapping[tuple[str, int], list[LineCost]]


def read_costs(paths: Iterable[Path]) -> Costs:
    """Read what `perflint ci` (report.json) and `perflint profile` (profile.json) have measured.

    Raises PerflintError where a file cannot be read, or has no costs of lines.
    """
    found: dict[tuple[str, int], list[LineCost]] = defaultdict(list)
    for path in paths:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            costs = [*_read(document)]
        except OSError as error:
            raise PerflintError(f"{path} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise PerflintError(f"{path} is {_WANTED}") from error
        if not costs:
            raise PerflintError(f"{path} has no measured lines; it is {_WANTED}")
        for place, cost in costs:
            found[place].append(cost)
    return found


_WANTED = (
    "to be the report.json of `perflint ci` (of tests that were profiled) or the profile.json of "
    "`perflint profile`"
)


def ranked(findings: Iterable[Finding], costs: Costs) -> tuple[Finding, ...]:
    """Say what the lines of each finding cost, the dearest first; what was not measured is last.

    Of several tests the one counts in which they weigh most.
    """
    told = [(_dearest(finding, costs), finding) for finding in findings]
    told.sort(key=lambda pair: -_share(pair[0]))
    return tuple(
        finding if cost is None else replace(finding, why=_with(finding.why, cost))
        for cost, finding in told
    )


def _dearest(finding: Finding, costs: Costs) -> LineCost | None:
    first, last = finding.file_lines
    by_test: dict[tuple[str, float], float] = defaultdict(float)
    for line in range(first, last + 1):
        for cost in costs.get((finding.path, line), ()):
            by_test[cost.what, cost.step] += cost.milliseconds
    sums = [LineCost(what, spent, step) for (what, step), spent in by_test.items()]
    return max(sums, key=_share, default=None)


def _share(cost: LineCost | None) -> float:
    return -1.0 if cost is None else cost.milliseconds / cost.step


def _with(why: str | None, cost: LineCost) -> str:
    share = _share(cost)
    said = (
        "costs next to nothing"
        if share < _NOTHING
        else f"costs {cost.milliseconds:.2f} ms, {share:.1%}"
    )
    words = f"{said} of a step of {cost.what}"
    return f"{why}; {words}" if why else words


def _read(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, int], LineCost]]:
    if "summary" in document:
        lines, step = document["summary"]["lines"], document["clock_ms"]
        yield from _lines(document["what"], lines, step)
        return
    for result in document["run"]["tests"]:
        profile = result.get("profile")
        if profile:
            name = result["test"]["id"].rpartition("::")[2]
            yield from _lines(name, profile.get("costs", []), profile.get("head_ms", 0.0))


def _lines(
    what: str, lines: Iterable[Mapping[str, Any]], step: float
) -> Iterator[tuple[tuple[str, int], LineCost]]:
    for line in lines:
        if step > 0:
            at = str(line["path"]), int(line["line"])
            yield at, LineCost(what, float(line["milliseconds"]), float(step))
