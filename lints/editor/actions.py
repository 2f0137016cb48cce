"""What an editor offers to do about findings."""

from collections.abc import Iterator, Sequence

from lsprotocol.types import CodeAction, CodeActionKind, Diagnostic, Range, TextEdit, WorkspaceEdit

from ..add_ignore import stays_python, with_ignores
from ..files import SourceFile
from ..finding import Edit, Finding
from .places import Places

FIX_ALL = f"{CodeActionKind.SourceFixAll.value}.perflint"
_LONGEST = 60


def quick_fixes(
    shown: Sequence[tuple[Finding, Diagnostic]], at: Range, text: str, places: Places, uri: str
) -> Iterator[CodeAction]:
    """Yield the fixes of the findings within a range, safe ones first, then how to silence them."""
    here = [(finding, told) for finding, told in shown if _touch(told.range, at)]
    here.sort(key=lambda pair: not (pair[0].fix and pair[0].fix.safe))
    for finding, told in here:
        if fix := finding.fix:
            change = TextEdit(places.range(fix.span), fix.text)
            yield _quick(_title(fix), [change], told, uri, preferred=fix.safe)
    for finding, told in here:
        silenced = with_ignores(SourceFile(text, "utf-8"), [finding])
        if stays_python(silenced):
            edits = list(places.edits(silenced.text))
            yield _quick(f"Silence {finding.rule} here", edits, told, uri, preferred=False)


def fix_all(uri: str, edits: list[TextEdit] | None) -> CodeAction:
    """Offer to apply all safe fixes; without edits, they are worked out once it is chosen."""
    return CodeAction(
        "Apply all safe fixes of perflint",
        kind=FIX_ALL,
        edit=None if edits is None else WorkspaceEdit(changes={uri: edits}),
        data={"uri": uri},
    )


def is_wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether an editor asks for actions of a kind, by its name or that of a kind above it."""
    return only is None or any(kind == each or kind.startswith(f"{each}.") for each in only)


def _quick(
    title: str, edits: list[TextEdit], told: Diagnostic, uri: str, *, preferred: bool
) -> CodeAction:
    return CodeAction(
        title,
        kind=CodeActionKind.QuickFix,
        diagnostics=[told],
        is_preferred=preferred,
        edit=WorkspaceEdit(changes={uri: edits}),
    )


def _title(fix: Edit) -> str:
    text = " ".join(fix.text.split())
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    what = f"Replace by `{text}`" if text else "Remove this"
    return what if fix.safe else f"{what} (unsafe: may change results)"


def _touch(one: Range, other: Range) -> bool:
    first, last = (one.start.line, one.start.character), (one.end.line, one.end.character)
    start, end = (other.start.line, other.start.character), (other.end.line, other.end.character)
    return first <= end and start <= last
