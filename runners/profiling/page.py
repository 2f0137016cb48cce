"""Writes a profile as one HTML page that needs nothing else: no host, no file beside it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .captured import Captured
from .module_table import ModuleRow, folded, shortened

_PAGE = Path(__file__).with_name("page.html")
_PLACE = "{}"
# More rows than anybody reads, and few enough for the page to stay small.
MOST_LINES, MOST_OPERATORS, MOST_MODULES = 500, 500, 500


def as_page(captured: Captured) -> str:
    """Put the profile into the page, as data that its script shows as text."""
    summary = captured.summary
    lines = sorted(summary.lines, key=lambda line: -line.milliseconds)
    operators = sorted(summary.operators, key=lambda operator: -operator.milliseconds)
    told = asdict(captured) | {
        "summary": {
            "steps": summary.steps,
            "unattributed_ms": summary.unattributed_ms,
            "on_device": summary.on_device,
            "parts": [asdict(part) for part in summary.parts],
            "lines": [asdict(line) for line in lines[:MOST_LINES]],
            "operators": [asdict(operator) for operator in operators[:MOST_OPERATORS]],
            "modules": _rows(folded(summary.modules)),
            "each_module": _rows([ModuleRow(one) for one in summary.modules]),
            "more_lines": max(0, len(lines) - MOST_LINES),
            "more_operators": max(0, len(operators) - MOST_OPERATORS),
        }
    }
    if captured.memory is not None:
        held, saved = captured.memory.holders, captured.memory.saved
        told["memory"] = {
            "before": captured.memory.before,
            "peak": captured.memory.peak,
            "holders": [asdict(one) for one in held[:MOST_LINES]],
            "kept": captured.memory.kept_by_kind(),
            "saved": [asdict(one) for one in saved[:MOST_LINES]],
        }
    shown = {f"{line.path}:{line.line}" for line in lines[:MOST_LINES]}
    told["source"] = {key: text for key, text in captured.source.items() if key in shown}
    data = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    # `</script>` and `<!--` would end or hide the rest of the page.
    data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    before, after = _PAGE.read_text(encoding="utf-8").split(f'id="profile">{_PLACE}<')
    return f'{before}id="profile">{data}<{after}'


def _rows(modules: Sequence[ModuleRow]) -> list[dict[str, object]]:
    return [
        asdict(row.time)
        | {"own": row.time.own, "total": row.time.total, "label": row.label, "count": row.count}
        for row in shortened(modules, MOST_MODULES)
    ]
