"""Reports that no run has made: every field of every dataclass filled, with whatever one likes."""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from torch_perflint.bot.report import SCHEMA_VERSION, Report
from torch_perflint.runners.counters.compiling import Compiling
from torch_perflint.runners.counters.utilization import Achieved
from torch_perflint.runners.result import TestResult
from torch_perflint.runners.sample import Pair, PerfTest, Segment

# The fifteen ways out of a table's cell, a span of code or a comment that were tried first.
VECTORS = {
    "mention": "@acme/everyone",
    "issue": "#1 fixes #2",
    "close": "closes #5",
    "pipe": "a | b",
    "newline": "a\n## owned",
    "image": "![x](https://evil/t.png)",
    "link": "[click](https://evil)",
    "html": "<img src=x onerror=1>",
    "comment": "--> <!-- perflint:comment v1 key=default -->",
    "backtick": "`` ` x",
    "details": "</details></table>",
    "slash": "/perflint ok",
    "right-to-left": "a\u202eb",
    "autolink": "https://evil.example",
    "nul": "a\x00b",
}


@dataclass(frozen=True)
class Source:
    """Where values come from; `pick` chooses among some, the first being the fullest."""

    text: Callable[[], str]
    integer: Callable[[], int]
    real: Callable[[], float]
    pick: Callable[[Sequence[Any]], Any]


def plain(text: str) -> Source:
    """One text everywhere, everything present, twice where there may be several."""
    return Source(lambda: text, lambda: 3, lambda: 0.5, lambda options: options[0])


def a_report(source: Source) -> Report:
    made = _made(Report, source, 0)
    assert isinstance(made, Report)
    return made


def _positive(source: Source) -> float:
    return min(max(abs(source.real()), 1e-9), 1e9)


# What is looked at when a report is read: beyond these it is none.
_IN_RANGE: dict[tuple[type, str], Callable[[Source], object]] = {
    (Report, "schema_version"): lambda source: SCHEMA_VERSION,
    (PerfTest, "min_effect"): lambda source: min(_positive(source), 0.9),
    (PerfTest, "items"): _positive,
    (Pair, "base"): _positive,
    (Pair, "head"): _positive,
    (Segment, "gpu"): lambda source: None,
    (Achieved, "flops_per_second"): _positive,
    (Achieved, "mfu"): _positive,
}


def _made(kind: Any, source: Source, depth: int) -> Any:
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        [inner] = [part for part in parts if part is not type(None)]
        return _made(inner, source, depth) if source.pick((True, False)) else None
    if origin is tuple and parts[-1] is Ellipsis:
        return tuple(_made(parts[0], source, depth) for _ in range(source.pick((2, 1, 0, 3))))
    if origin is tuple:
        return tuple(_made(part, source, depth) for part in parts)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        keys = range(source.pick((2, 1, 0)))
        return {_made(parts[0], source, depth): _made(parts[1], source, depth) for _ in keys}
    if is_dataclass(kind):
        return _filled(kind, source, depth)
    if issubclass(kind, Enum):
        return source.pick(list(kind))
    if kind is bool:
        return source.pick((True, False))
    return {str: source.text, int: source.integer, float: source.real}[kind]()


def _filled(kind: Any, source: Source, depth: int) -> Any:
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):
        if (kind, field.name) in _IN_RANGE:
            values[field.name] = _IN_RANGE[kind, field.name](source)
        elif kind is TestResult and field.name == "other" and depth:
            values[field.name] = None
        elif kind is Compiling and hints[field.name] in (float, float | None):
            values[field.name] = _positive(source)
        else:
            values[field.name] = _made(hints[field.name], source, depth + (kind is TestResult))
    return kind(**values)


def rewritten(value: Any, text: Callable[[str], str]) -> Any:
    """The same value with other words in it."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return text(value)
    if isinstance(value, tuple):
        return tuple(rewritten(one, text) for one in value)
    if isinstance(value, Mapping):
        return {text(name): rewritten(one, text) for name, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        kind: Any = type(value)
        return kind(**{f.name: rewritten(getattr(value, f.name), text) for f in fields(value)})
    return value


def texts_of(value: Any) -> list[str]:
    """Every text in a value."""
    found: list[str] = []
    rewritten(value, lambda text: found.append(text) or text)  # type: ignore[func-returns-value]
    return found
