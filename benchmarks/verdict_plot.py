"""The picture of `verdict.py`: each run as a mark where the tool's ratio is, by its verdict."""

from collections.abc import Sequence
from html import escape
from statistics import median

from verdict_runs import KINDS, Line, kinds_of
from verdict_tools import RULES, VERDICTS

WIDTH = 920
LEFT, RIGHT = 264, 680  # where the axis begins and ends; counts stand right of it
TOP, ROW, GAP = 76, 30, 22  # above the first row; of a kind; between tools
LOWEST, HIGHEST = -10.0, 20.0  # percent; marks beyond stand at the edge and are outlined
NAMES = {0: "same work"} | {kind: f"+{kind} % work" for kind in KINDS if kind}
# Okabe and Ito's colours, which colour-blind people tell apart; and a shape for each verdict.
# The picture brings its own background, so it can be read on any page.
STYLE = """
text { font-family: -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif;
       font-size: 13px; fill: #1f2328; }
.page { fill: #ffffff; stroke: #d1d9e0; }
.faint { fill: #59636e; font-size: 12px; }
.title { font-weight: 600; font-size: 14px; }
.line { stroke: #d1d9e0; }
.truth { stroke: #1f2328; stroke-width: 1.5; stroke-dasharray: 3 2; }
.mark { fill-opacity: .85; stroke-width: 1.2; }
.slower { fill: #d55e00; stroke: #d55e00; }
.faster { fill: #0072b2; stroke: #0072b2; }
.same { fill: #8b949e; stroke: #8b949e; }
.unsure { fill: none; stroke: #1f2328; }
.edge { stroke: #1f2328; stroke-width: 2; }
"""
DARK = """
text { fill: #f0f6fc; }
.page { fill: #0d1117; stroke: #3d444d; }
.faint { fill: #9198a1; }
.line { stroke: #3d444d; }
.faster { fill: #56b4e9; stroke: #56b4e9; }
.truth, .unsure, .edge { stroke: #f0f6fc; }
"""


def plot(lines: Sequence[Line]) -> str:
    """An SVG: for each tool a row of marks for each kind, the truth as a dashed line."""
    tools = [tool for tool in RULES if any(line.tool == tool for line in lines)]
    kinds = kinds_of(lines)
    bottom = TOP + len(tools) * (len(kinds) * ROW + GAP)
    parts = [*_legend(), *_axis(bottom)]
    for place, tool in enumerate(tools):
        top = TOP + place * (len(kinds) * ROW + GAP)
        parts.append(_text(20, top + ROW / 2 + 4, tool, "title"))
        seconds = median(line.seconds for line in lines if line.tool == tool)
        parts.append(_text(20, top + ROW / 2 + 24, f"{seconds:.0f} s a run", "faint"))
        for row, kind in enumerate(kinds):
            runs = [line for line in lines if line.tool == tool and line.kind == kind]
            parts += _row(runs, kind, top + row * ROW)
    style = f"{STYLE}@media (prefers-color-scheme: dark) {{{DARK}}}"
    height = bottom + 48
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
    head += f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(_spoken(lines))}">'
    page = f'<rect class="page" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>'
    return "\n".join([head, f"<style>{style}</style>", page, *parts, "</svg>", ""])


def _row(runs: Sequence[Line], kind: int, top: float) -> list[str]:
    """The marks of one tool on one kind, in the order of the runs from above to below."""
    middle = top + ROW / 2
    truth = _x(kind)
    parts = [
        _text(LEFT - 12, middle + 4, NAMES[kind], "faint", "end"),
        f'<line class="line" x1="{LEFT}" x2="{RIGHT}" y1="{middle}" y2="{middle}"/>',
        f'<line class="truth" x1="{truth}" x2="{truth}" y1="{top + 3}" y2="{top + ROW - 3}"/>',
    ]
    for place, line in enumerate(sorted(runs, key=lambda line: line.number)):
        y = top + 6 + (ROW - 12) * (place + 0.5) / len(runs)
        parts.append(_mark(line.verdict, 100 * (line.ratio - 1), y))
    parts.append(_text(RIGHT + 16, middle + 4, _count(runs), "faint"))
    return parts


def _count(runs: Sequence[Line]) -> str:
    counts = {verdict: sum(line.verdict == verdict for line in runs) for verdict in VERDICTS}
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    return said or "not run"


def _mark(verdict: str, percent: float, y: float) -> str:
    """A run where its ratio is, at the edge where that is beyond the axis."""
    edge = "" if LOWEST <= percent <= HIGHEST else " edge"
    title = f"<title>{percent:+.1f} %, {verdict}</title>"
    return _shape(verdict, _x(min(max(percent, LOWEST), HIGHEST)), y, edge, title)


def _shape(verdict: str, x: float, y: float, edge: str = "", title: str = "") -> str:
    kind = f'class="mark {verdict}{edge}"'
    if verdict in ("same", "unsure"):
        return f'<circle {kind} cx="{x}" cy="{y:.1f}" r="3.6">{title}</circle>'
    tip = -4.5 if verdict == "slower" else 4.5
    points = f"{x - 4.5:.1f},{y - tip:.1f} {x + 4.5:.1f},{y - tip:.1f} {x:.1f},{y + tip:.1f}"
    return f'<polygon {kind} points="{points}">{title}</polygon>'


def _x(percent: float) -> float:
    return round(LEFT + (percent - LOWEST) / (HIGHEST - LOWEST) * (RIGHT - LEFT), 1)


def _axis(bottom: float) -> list[str]:
    parts = []
    top, low = TOP - 6, bottom - GAP + 6
    for percent in range(int(LOWEST), int(HIGHEST) + 1, 5):
        x = _x(percent)
        words = f"{percent:+d} %".replace("-", "−") if percent else "0"
        parts.append(f'<line class="line" x1="{x}" x2="{x}" y1="{top}" y2="{low}"/>')
        parts.append(_text(x, low + 18, words, "faint", "middle"))
    told = "seconds per step of head, against base, as each tool tells them (outlined: beyond)"
    return [*parts, _text((LEFT + RIGHT) / 2, low + 40, told, "faint", "middle")]


def _legend() -> list[str]:
    parts = [_text(20, 28, "Two commits, four tools: each mark is one run", "title")]
    x = 20.0
    for verdict in VERDICTS:
        parts += [_shape(verdict, x + 5, 48), _text(x + 16, 52, f"called {verdict}", "faint")]
        x += 112
    parts.append(f'<line class="truth" x1="{x + 5}" x2="{x + 5}" y1="40" y2="56"/>')
    return [*parts, _text(x + 16, 52, "the work that was added", "faint")]


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def _spoken(lines: Sequence[Line]) -> str:
    """The same in words, for those who do not see it."""
    said = []
    for tool in RULES:
        for kind in kinds_of(lines):
            runs = [line for line in lines if line.tool == tool and line.kind == kind]
            if runs:
                said.append(f"{tool}, {NAMES[kind]}: {_count(runs)}")
    return "; ".join(said)
