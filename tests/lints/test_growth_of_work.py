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


NET = """
import torch
class Net(torch.nn.Module):
    def forward(self, x, mask=None, other=None):
        a0 = mask
{body}
        if a{n} is not None:
            print(x.sum().item())
        return x
def train(model, loader, optimizer):
    for x in loader:
        loss = model(x.cuda(), x).mean()
        loss.backward()
        optimizer.step()
"""


def _net(n: int, step: str) -> str:
    return NET.format(n=n, body="".join(step.format(i, i + 1) for i in range(n)))


def _either(n: int) -> str:
    return _net(n, "        a{1} = a{0} if other else a{0}\n")


def _joined(n: int) -> str:
    step = "        if x.flags[{0}]:\n            b{0} = a{0}\n"
    step += "        elif x.more[{0}]:\n            b{0} = a{0}\n        a{1} = b{0}\n"
    return _net(n, step)


def _handed_on(n: int) -> str:
    """Functions that each give back what the next one gives, in one of two ways."""
    one = "def get{0}(x):\n    if x:\n        return get{1}(x)\n    return get{1}(x)\n"
    last = f"def get{n}(x):\n    return x\n"
    body = _net(0, "").replace("a0 = mask", "a0 = get0(x)")
    return "".join(one.format(i, i + 1) for i in range(n)) + last + body


def _each_other(n: int) -> str:
    """Functions that call the two beside them, one of these if nothing is given."""
    one = (
        "def f{0}(x, y=None):\n    if y is None:\n        y = f{1}(x)\n    return y + f{2}(x, y)\n"
    )
    made = "".join(one.format(i, (i + 1) % n, (i - 1) % n) for i in range(n))
    return f"{made}{HEAD}    loss = f0(model(x))\n"


def _closed(n: int) -> str:
    """Functions that call one another many times, three deep, and give numbers to a tensor."""
    h = "def h():\n" + "    a = torch.zeros(3)\n" * n + "    return a\n"
    g = "def g():\n" + "    h()\n" * n + "    return h()\n"
    f = "def f():\n" + "    g()\n" * n + "    return g()\n"
    return f"{h}{g}{f}{HEAD}    y = f().cuda()\n"


@pytest.mark.parametrize(
    ("written", "few"),
    [(_either, 7), (_joined, 7), (_handed_on, 7), (_each_other, 4), (_closed, 16)],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_questions_that_lead_to_each_other_are_answered_once(
    written: Callable[[int], str], few: int
) -> None:
    once, twice = _work(written(few))[0], _work(written(2 * few))[0]
    assert twice < 2.6 * once


def test_a_long_chain_of_names_keeps_the_findings_of_a_file() -> None:
    assert _work(_net(300, "        a{1} = a{0}\n"))[1]


def test_of_many_functions_that_call_each_other_each_costs_little() -> None:
    assert _work(_each_other(150))[0] < 1000 * 150


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
