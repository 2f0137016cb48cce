"""The page shows the table of what waits as the code has it; `--update` writes it anew."""

from itertools import groupby
from pathlib import Path

from torch_perflint.runners.tracing.sync_table import CALLS, OPERATORS, SyncOperator

PAGE = Path(__file__).parents[3] / "docs" / "tracing.md"
HEAD = "| Operator of ATen | Waits | Because | Verified on |\n|:--|:--|:--|:--|\n"


def table() -> str:
    """Operators with the same reason share a row."""
    rows = []
    for rule, group in groupby(OPERATORS.items(), key=lambda item: item[1]):
        names = ", ".join(f"`{name}`" for name, _ in group)
        rows.append(f"| {names} | {rule.when.value} | {rule.why} | {rule.verified} |")
    return HEAD + "\n".join(rows) + "\n"


def test_the_page_has_the_table(update: bool) -> None:
    page = PAGE.read_text(encoding="utf-8")
    start = page.index(HEAD)
    end = page.index("\n\n", start) + 1
    if update:
        PAGE.write_text(page[:start] + table() + page[end:], encoding="utf-8")
        return
    assert page[start:end] == table()


def test_every_rule_and_call_says_why_and_where_it_was_verified() -> None:
    assert all(isinstance(rule, SyncOperator) for rule in OPERATORS.values())
    assert all(rule.why and rule.verified for rule in OPERATORS.values())
    assert all(CALLS.values())
