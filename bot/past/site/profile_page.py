"""Where a step's time goes on base and on head, as tables with bars. Pure."""

from collections.abc import Iterator, Sequence

from ....runners.profiling.profile import ProfileChange
from ...numbers import calls, milliseconds, signed
from .html import Html, element, table

_MOST = 25
_BAR = 120  # pixels


def profile(at: ProfileChange) -> list[Html]:
    """Write parts, lines and operators, in milliseconds per step."""
    return list(_tables(at))


def _tables(at: ProfileChange) -> Iterator[Html]:
    times = ("#Base ms", "#Head ms", "#Difference", "Base and head")
    if parts := [one for one in at.parts if max(one.base_ms, one.head_ms) >= 0.0005]:
        most = max(max(one.base_ms, one.head_ms) for one in parts)
        rows = [(one.part, *_times(one.base_ms, one.head_ms, most)) for one in parts]
        yield table("Parts of a step", ("Part", *times), rows)
    if lines := at.lines[:_MOST]:
        most = max(max(one.base_ms, one.head_ms) for one in lines)
        rows = [
            (_line(one.path, one.line, one.source), *_times(one.base_ms, one.head_ms, most))
            for one in lines
        ]
        yield table("Lines that changed most", ("Line", *times), rows)
    if costs := at.costs[:_MOST]:
        most = max(one.milliseconds for one in costs)
        rows = [
            (
                _line(one.path, one.line, ""),
                milliseconds(one.milliseconds),
                _bars(0.0, one.milliseconds, most),
            )
            for one in costs
        ]
        yield table("Dearest lines of head", ("Line", "#ms per step", "Share"), rows)
    if operators := at.operators[:_MOST]:
        most = max(max(one.base_ms, one.head_ms) for one in operators)
        rows = [
            (
                element("code", one.name),
                f"{calls(one.base_calls)} → {calls(one.head_calls)}",
                *_times(one.base_ms, one.head_ms, most),
            )
            for one in operators
        ]
        yield table("Operators that changed most", ("Operator", "#Calls", *times), rows)


def _line(path: str, line: int, source: str) -> Html:
    where = element("code", f"{path}:{line}")
    return Html(f"{where} {element('code', source, class_='source')}") if source else where


def _times(base: float, head: float, most: float) -> Sequence[str]:
    difference = signed(head - base, 2)
    return milliseconds(base), milliseconds(head), difference, _bars(base, head, most)


def _bars(base: float, head: float, most: float) -> Html:
    """Draw two bars, base's above head's; the numbers stand beside them, so nobody needs these."""
    wide = [round(_BAR * max(0.0, one) / most, 1) if most > 0 else 0.0 for one in (base, head)]
    return Html(
        f'<svg class="bars" width="{_BAR}" height="16" aria-hidden="true">'
        f'<rect class="base" y="1" width="{wide[0]}" height="6"/>'
        f'<rect class="head" y="9" width="{wide[1]}" height="6"/></svg>'
    )
