"""Chooses which exact counts are worth telling, in which order, and how they are written. Pure."""

from collections.abc import Mapping

from ..result import CounterChange, TestResult
from ..text import numbers

# Below this share, bytes that no budget concerns are not told: an object more or less of Python.
SMALLEST_BYTES = 0.001

_BYTES = "_bytes"
# What costs most comes first; what is not named here stands behind.
_ORDER = (
    "host_syncs",
    "copies",
    "h2d_copy_bytes",
    "d2h_copy_bytes",
    "graph_breaks",
    "recompiles",
    "operators",
    "kernel_launches",
    "flops",
    "collectives",
    "collective_bytes",
    "python_calls",
    "autograd_nodes",
    "peak_bytes",
)


def told_counters(result: TestResult, budgets: Mapping[str, int]) -> tuple[CounterChange, ...]:
    """The counts that differ by enough to be told: those over their budget first, then by cost."""
    changed = [one for one in result.counters if one.base != one.head and _matters(one, budgets)]
    return tuple(sorted(changed, key=lambda one: (not one.over_budget, _place(one), one.name)))


def hidden_counters(result: TestResult, budgets: Mapping[str, int]) -> int:
    """How many counts differ and are not told."""
    changed = sum(one.base != one.head for one in result.counters)
    return changed - len(told_counters(result, budgets))


def words(counter: CounterChange) -> str:
    """The counter's name as words."""
    return counter.name.replace("_", " ")


def short_words(counter: CounterChange) -> str:
    """The name beside `amounts`, which have the unit."""
    return words(counter).removesuffix(" bytes")


def amounts(counter: CounterChange) -> str:
    """What base and head count: `25 → 28`, `7.03 → 8.53 MiB`, `613.4M → 868.2M` operations."""
    if counter.name.endswith(_BYTES):
        return numbers.byte_change(counter.base, counter.head)
    if counter.name == "flops":
        base, head = numbers.rate(counter.base), numbers.rate(counter.head)
        if base != head:
            return f"{base} → {head}"
    return f"{counter.base:,} → {counter.head:,}"


def _matters(counter: CounterChange, budgets: Mapping[str, int]) -> bool:
    if not counter.name.endswith(_BYTES) or counter.over_budget or counter.name in budgets:
        return True
    most = max(counter.base, counter.head)
    return abs(counter.head - counter.base) >= SMALLEST_BYTES * most


def _place(counter: CounterChange) -> int:
    return _ORDER.index(counter.name) if counter.name in _ORDER else len(_ORDER)
