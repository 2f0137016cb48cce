"""Works out what a file becomes when its findings are fixed, round by round; writes nothing."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .files import SourceFile
from .finding import Edit, Finding
from .notebooks import parse_notebook

# A fix may make room for another, or lay a new one open. Far more rounds than honest rules need.
MOST_ROUNDS = 10
_NEWLINE = re.compile(r"\r\n|\r|\n")

Judge = Callable[[SourceFile], Sequence[Finding]]
Wanted = Callable[[Finding, SourceFile], bool]


@dataclass(frozen=True, slots=True)
class Fixed:
    """What the file became, the findings whose fixes were applied, and what went wrong."""

    source: SourceFile
    applied: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()


def fix_source(source: SourceFile, judge: Judge, wanted: Wanted) -> Fixed:
    """Apply wanted fixes and judge again, until there is nothing left to apply."""
    mending = Mending(source)
    for _ in range(MOST_ROUNDS):
        if not mending.step(judge(mending.source), wanted):
            break
    else:
        mending.give_up()
    return mending.fixed()


class Mending:
    """A file on its way, round by round, to what its fixes make of it."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self._applied: list[Finding] = []
        self._problems: list[str] = []
        self._refused = _Refused()
        self._seen = {source.raw}
        self._last: list[Finding] = []

    def step(self, judged: Iterable[Finding], wanted: Wanted) -> bool:
        """Apply what is wanted of the findings; False where the rounds have come to their end.

        Fixes that overlap go in one after the other. One that would leave no Python is left out,
        and said to be a bug in its rule. `wanted` is asked once for each fix.
        """
        source = self.source
        chosen = self._chosen(judged, wanted)
        if not chosen:
            return False
        good, broken = _sound(source, chosen)
        for finding, reason in broken:
            self._refused.add(finding, source)
            self._problems.append(_left_out(finding, reason))
        self._refused.move(good, source)
        self.source = edited(source, good)
        self._applied += good
        self._last = good
        if good and self.source.raw in self._seen:
            self.give_up()
            return False
        self._seen.add(self.source.raw)
        return True

    def give_up(self) -> None:
        """Say that the rounds do not end."""
        self._problems.append(_in_circles(self._last))

    def fixed(self) -> Fixed:
        """Return what has come of it."""
        return Fixed(self.source, tuple(self._applied), tuple(self._problems))

    def _chosen(self, judged: Iterable[Finding], wanted: Wanted) -> list[Finding]:
        chosen = []
        open_ = (f for f in judged if f.fix and not self._refused.has(f, self.source))
        for finding in apart(open_):
            if wanted(finding, self.source):
                chosen.append(finding)
            else:
                self._refused.add(finding, self.source)
        return chosen


def apart(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings from the top whose fixes do not touch each other; the others have to wait."""
    taken: list[tuple[int, int, int, int]] = []
    for finding in sorted(findings, key=_extent):
        (first, column, last, end), *_ = [_extent(finding)]
        if all((last, end) < past[:2] or past[2:] < (first, column) for past in taken):
            taken.append((first, column, last, end))
            yield finding


def edited(source: SourceFile, findings: Sequence[Finding]) -> SourceFile:
    """Apply fixes that do not overlap; the line endings stay those of the file."""
    if source.notebook is None:
        return replace(source, text=_applied(source.text, findings))
    notebook = source.notebook
    new: dict[int, str] = {}
    for cell in notebook.cells:
        inside = [f for f in findings if notebook.cell_at(f.span.line) == cell]
        if inside:
            moved = [_shifted(finding, 1 - cell.first) for finding in inside]
            new[cell.number] = _applied(cell.source, moved)
    changed = parse_notebook(notebook.with_cells(new))
    return replace(source, text=changed.text, notebook=changed)


def _applied(text: str, findings: Sequence[Finding]) -> str:
    # Only now: a text without anything to fix does not need the engine, and what that draws in.
    from .engine import apply_fixes

    endings = Counter(newline[0] for newline in _NEWLINE.finditer(text))
    usual = endings.most_common(1)[0][0] if endings else "\n"
    own = [
        replace(f, fix=replace(f.fix, text=_NEWLINE.sub(lambda _: usual, f.fix.text)))
        for f in findings
        if f.fix
    ]
    return apply_fixes(text, own)


def _sound(
    source: SourceFile, findings: Sequence[Finding]
) -> tuple[list[Finding], list[tuple[Finding, str]]]:
    """Part the fixes that leave Python from those that, alone or on top of these, do not."""
    if _broken(source, edited(source, findings)) is None:
        return list(findings), []
    good: list[Finding] = []
    bad: list[tuple[Finding, str]] = []
    for finding in findings:
        reason = _broken(source, edited(source, [*good, finding]))
        if reason is None:
            good.append(finding)
        else:
            bad.append((finding, reason))
    return good, bad


def _broken(source: SourceFile, changed: SourceFile) -> str | None:
    """Say why the changed text cannot stand; None where it can."""
    if source.notebook and changed.notebook:
        known = {_cell(problem) for problem in source.notebook.problems}
        new = [p for p in changed.notebook.problems if _cell(p) not in known]
        return new[0] if new else None
    try:
        ast.parse(changed.text)
        changed.encoded()
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or "nested too deeply to be read"
    return None


class _Refused:
    """Fixes that are not to be tried again, by where they begin; edits above move them along."""

    def __init__(self) -> None:
        self._at: set[tuple[str, int]] = set()

    def has(self, finding: Finding, source: SourceFile) -> bool:
        return (finding.code, _offsets(finding, source)[0]) in self._at

    def add(self, finding: Finding, source: SourceFile) -> None:
        self._at.add((finding.code, _offsets(finding, source)[0]))

    def move(self, applied: Sequence[Finding], source: SourceFile) -> None:
        grown = []
        for finding in applied:
            begin, end = _offsets(finding, source)
            grown.append((begin, len(finding.fix.text if finding.fix else "") - (end - begin)))
        self._at = {
            (code, at + sum(by for begin, by in grown if begin < at)) for code, at in self._at
        }


def _offsets(finding: Finding, source: SourceFile) -> tuple[int, int]:
    """Tell where in the text the fix begins and ends, a line ending counting as one character."""
    lines = _NEWLINE.split(source.text)
    span = finding.fix.span if finding.fix else finding.span

    def offset(line: int, column: int) -> int:
        return sum(len(text) + 1 for text in lines[: line - 1]) + column

    return offset(span.line, span.column), offset(span.end_line, span.end_column)


def _extent(finding: Finding) -> tuple[int, int, int, int]:
    span = finding.fix.span if finding.fix else finding.span
    return span.line, span.column, span.end_line, span.end_column


def _shifted(finding: Finding, lines: int) -> Finding:
    if finding.fix is None:
        return finding
    span = finding.fix.span
    moved = replace(span, line=span.line + lines, end_line=span.end_line + lines)
    return replace(finding, fix=Edit(moved, finding.fix.text, finding.fix.safe))


def _cell(problem: str) -> str:
    return problem.split(",")[0]


def _left_out(finding: Finding, reason: str) -> str:
    return (
        f"{finding.place}: the fix of {finding.rule} was left out, since it would break the file "
        f"({reason}); this is a bug in the rule"
    )


def _in_circles(findings: Sequence[Finding]) -> str:
    rules = ", ".join(sorted({finding.rule for finding in findings}))
    path = findings[0].path if findings else ""
    return f"{path}: the fixes of {rules} never come to an end; this is a bug in the rules"
