"""Twice as much in a line, a block or a file is about twice the work, and never a hang."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from torch_perflint.lints import engine
from torch_perflint.lints.registry import all_rules

PACKAGE = str(Path(engine.__file__).parent)
RULES = all_rules()
HEAD = """
import torch
model = torch.nn.Linear(3, 3).cuda()
for x, y in loader:
    loss = criterion(model(x.cuda()), y.cuda())
    loss.backward()
    optimizer.step()
"""
LOOP = """
def train_{0}(model, loader, optimizer):
    for x, y in loader:
        loss = criterion(model(x.cuda()), y)
        loss.backward()
        optimizer.step()
        print(loss.item())
"""


def _list(n: int) -> str:
    return f"{HEAD}    seen = [{', '.join(['loss.item()'] * n)}]\n"


def _statements(n: int) -> str:
    return HEAD + "".join(f"    x{i} = loss.item()\n" for i in range(n))


def _elifs(n: int) -> str:
    more = "".join(f"    elif loss > {i}:\n        pass\n" for i in range(n))
    return f"{HEAD}    if loss > 1:\n        pass\n{more}"


def _loops(n: int) -> str:
    return "import torch\n" + "".join(LOOP.format(i) for i in range(n))


def _moves(n: int) -> str:
    pairs = ", ".join(f"'{i}': torch.zeros(3).to('cuda')" for i in range(n))
    return f"{HEAD}    made = {{{pairs}}}\n"


def _skips(n: int) -> str:
    skip = "    if y > {0}:\n        seen = loss.item()\n        continue\n"
    return HEAD + "".join(skip.format(i) for i in range(n))


def _catted(n: int) -> str:
    before = "import torch\n" + "".join(f"a{i} = torch.zeros(0)\n" for i in range(n))
    return before + HEAD + "".join(f"    a{i} = torch.cat((a{i}, x))\n" for i in range(n))


def _work(source: str) -> tuple[int, int]:
    """Return how many calls of ours the analysis takes, and how much it finds."""
    calls = 0

    def count(frame: object, event: str, _: object) -> None:
        nonlocal calls
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):  # type: ignore[attr-defined]
            calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found = engine.check_source(source, "train.py", RULES)
    finally:
        sys.setprofile(before)
    return calls, len(found)


@pytest.mark.parametrize(
    "written", [_list, _statements, _loops, _moves, _skips, _catted], ids=lambda each: each.__name__
)
def test_twice_as_much_code_is_about_twice_the_work(written: Callable[[int], str]) -> None:
    (once, found), (twice, more) = _work(written(60)), _work(written(120))
    assert more > found > 50
    assert twice < 2.3 * once


def test_a_chain_of_elifs_costs_little_more_than_its_conditions() -> None:
    once, twice = _work(_elifs(60))[0], _work(_elifs(120))[0]
    assert twice < 2.6 * once


def test_a_statement_with_more_places_than_people_write_is_left_out_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "_MOST", 50)
    result = engine.lint_source(_list(60) + "    rest = loss.item()\n", "train.py", RULES)
    assert result.problems == (
        "train.py: line 8: more than 50 places of one statement would have to be looked at; "
        "it is left out",
    )
    assert [f.span.line for f in result.findings if f.rule == "item-in-hot-path"] == [9]


CALLED_TWICE = """
import torch
def {first}(model, loader, optimizer):
    for x in loader:
        loss = model(x.cuda()).mean()
        loss.backward()
        optimizer.step()
        report(loss)
def {second}(model, loader, optimizer):
    for x in loader:
        loss = model(x.cuda()).mean()
        loss.backward()
        optimizer.step()
        report(loss)
def report(loss):
    print(loss.item())
"""


def test_of_two_loops_that_call_a_function_the_first_of_the_text_is_named() -> None:
    padding: list[object] = []
    for _ in range(20):
        # Other addresses each time: what is kept by address comes in another order then.
        padding.append([object() for _ in range(len(padding) * 7 + 1)])
        source = CALLED_TWICE.format(first="train", second="fit")
        found = engine.check_source(source, "train.py", RULES)
        why = next(f.why for f in found if f.rule == "item-in-hot-path")
        assert why == "`report` is called in every step, at line 8"
