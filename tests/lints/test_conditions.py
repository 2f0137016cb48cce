"""What an option decides, and what runs whatever happens."""

import ast
from textwrap import dedent

import pytest
from torch_perflint.lints.conditions import always_runs
from torch_perflint.lints.facts import Facts

STEP = """
import torch
for x in loader:
    model(x).mean().backward()
    optimizer.step()
"""


def _facts(code: str) -> tuple[Facts, ast.Call]:
    facts = Facts(dedent(code), "train.py")
    return facts, facts.syntax.calls_to("it")[0]


@pytest.mark.parametrize(
    "code",
    [
        "it()",
        "if __name__ == '__main__':\n    it()",
        "def main():\n    it()",
        "with x:\n    for y in z:\n        it()",
    ],
)
def test_what_nothing_decides_always_runs(code: str) -> None:
    facts, call = _facts(code)
    assert always_runs(facts.syntax, call)


@pytest.mark.parametrize(
    "code",
    [
        "if x:\n    it()",
        "it() if x else y",
        "x and it()",
        "try:\n    x()\nexcept ValueError:\n    it()",
        "def main():\n    if not x:\n        return\n    it()",
        "def enable_debugging():\n    it()",
        "later = lambda: it()",
    ],
)
def test_what_something_decides_does_not_always_run(code: str) -> None:
    facts, call = _facts(code)
    assert not always_runs(facts.syntax, call)


@pytest.mark.parametrize(
    "code",
    [
        "    if args.tidy:\n        it()",
        "    if loss < best:\n        it()",
        "    if self.distributed_first:\n        it()\n        self.distributed_first = False",
        "    def tidy():\n        it()\n    if args.tidy:\n        tidy()",
    ],
)
def test_an_option_the_data_or_a_first_time_is_a_choice(code: str) -> None:
    facts, call = _facts(STEP + code)
    assert facts.by_choice(call)


@pytest.mark.parametrize(
    "code",
    [
        "    it()",
        "    if torch.cuda.is_available():\n        it()",
        "    if rank == 0:\n        it()",
        "    if args.distributed:\n        it()",
    ],
)
def test_where_the_program_runs_is_no_choice(code: str) -> None:
    facts, call = _facts(STEP + code)
    assert not facts.by_choice(call)
