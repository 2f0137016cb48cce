"""The table of `verdict.py`: how often each tool is wrong, what it finds, how long it takes."""

import math
from collections.abc import Callable, Sequence
from statistics import median

from verdict_runs import Line, kinds_of
from verdict_tools import RULES

# What pytest-benchmark's rule has no word for.
NEVER_FASTER = {"pytest-benchmark"}
NEVER_UNSURE = RULES.keys() - {"perflint"}


def table(lines: Sequence[Line]) -> str:
    """Markdown: a row for each tool, with the 95 % interval of each share."""
    planted = [kind for kind in kinds_of(lines) if kind]
    head = ["Tool", "Its rule", "Same work: slower", "Same work: faster"]
    head += [f"+{kind} %: slower" for kind in planted]
    head += ["No verdict", "Seconds a run"]
    rows = []
    for tool, rule in RULES.items():
        ours = [line for line in lines if line.tool == tool]
        if not ours:
            continue
        numbers = "/".join(sorted({line.version for line in ours}))
        cells = [f"{tool} {numbers}", rule, share(ours, 0, "slower")]
        cells.append("–" if tool in NEVER_FASTER else share(ours, 0, "faster"))
        cells += [share(ours, kind, "slower") for kind in planted]
        unsure = sum(line.verdict == "unsure" for line in ours)
        cells.append("–" if tool in NEVER_UNSURE else f"{unsure} of {len(ours)}")
        cells.append(spread([line.seconds for line in ours]))
        rows.append(cells)
    torch = "/".join(sorted({line.torch for line in lines}))
    loads = spread([line.load for line in lines], "{:.1f}") if lines else "unknown"
    said = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    text = "\n".join([said[0], f"|:--|:--|{'--:|' * (len(head) - 2)}", *said[1:]])
    return f"{text}\n\nPyTorch {torch}; load before the runs {loads}; in brackets 95 % intervals."


def share(lines: Sequence[Line], kind: int, verdict: str) -> str:
    """How many runs of a kind had this verdict, and what that says of the runs to come."""
    runs = [line for line in lines if line.kind == kind]
    if not runs:
        return "not run"
    count = sum(line.verdict == verdict for line in runs)
    low, high = clopper_pearson(count, len(runs))
    return f"{count} of {len(runs)} ({low:.0%} to {high:.0%})".replace("%", " %")


def spread(values: Sequence[float], form: str = "{:.0f}") -> str:
    """The median, the lowest and the highest."""
    middle, low, high = (form.format(one) for one in (median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def clopper_pearson(count: int, total: int, error: float = 0.05) -> tuple[float, float]:
    """The exact interval of a share: at either end, `count` has half the `error` as its tail."""

    def above(p: float) -> float:
        """How likely `count` or more are."""
        return sum(
            math.comb(total, k) * p**k * (1 - p) ** (total - k) for k in range(count, total + 1)
        )

    def below(p: float) -> float:
        """How likely `count` or fewer are."""
        return sum(math.comb(total, k) * p**k * (1 - p) ** (total - k) for k in range(count + 1))

    low = 0.0 if count == 0 else _crossing(lambda p: above(p) >= error / 2)
    high = 1.0 if count == total else _crossing(lambda p: below(p) <= error / 2)
    return low, high


def _crossing(holds: Callable[[float], bool]) -> float:
    """The lowest share for which it holds, given that it holds for all above."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
