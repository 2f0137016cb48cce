"""Branches that prepare what later steps use, and caches: what runs once, what only seems to."""

import ast
from textwrap import dedent, indent

import pytest
from torch_perflint.lints.facts import Facts

STEP = "loss.backward()\noptimizer.step()\n"


def _hot(source: str) -> bool:
    facts = Facts("import torch\n" + dedent(source), "train.py")
    here = [n for n in ast.walk(facts.syntax.tree) if isinstance(n, ast.Name) and n.id == "HERE"]
    assert len(here) == 1
    return facts.regions.hot(here[0]) is not None


def _loop(body: str, before: str = "") -> str:
    return f"{before}for step, x in enumerate(loader):\n{indent(STEP + body, '    ')}\n"


PREPARES = """
    class Trainer:
        def __init__(self):
            self.{empty}
        def _prepare(self, x):
            self.kept = x
        def _forget(self):
            self.{empty}
        def fit(self):
            for x in loader:
                loss.backward()
                optimizer.step()
                {before}
                if {test}:
                    HERE
                    {fill}
    """


@pytest.mark.parametrize(
    ("test", "fill", "hot"),
    [
        ("self.kept is None", "self.kept = x", False),
        ("not self.kept and x", "self.kept = x", False),
        ("self.kept.item() == 0", "self.kept += 1", False),
        ("self.kept is None", "self._prepare(x)", False),
        ("self.kept is None", "self.other = x", True),
        ("self.kept is None", "self.kept = None", True),
        ("not self.kept", "self.kept = []", True),
        ("x.kept is None", "x.kept = 3", True),
        ("self.kept == 3", "self.kept = x", True),
    ],
)
def test_what_a_branch_prepares_for_good_it_prepares_once(test: str, fill: str, hot: bool) -> None:
    source = PREPARES.format(test=test, fill=fill, empty="kept = None", before="pass")
    assert _hot(source.replace("_forget", "reset")) is hot


@pytest.mark.parametrize(
    ("source", "hot"),
    [
        (PREPARES, True),  # by `_forget`, which anybody may call
        (PREPARES.replace("_forget", "on_epoch_end"), False),
        (PREPARES.replace("_forget", "clear_cache"), True),
    ],
)
def test_what_is_emptied_in_between_is_prepared_again(source: str, hot: bool) -> None:
    filled = {"test": "self.kept is None", "fill": "self.kept = x", "empty": "kept = None"}
    assert _hot(source.format(**filled, before="pass")) is hot


@pytest.mark.parametrize(
    ("kept", "filled", "hot"),
    [
        ("self.mask", "self.mask = x", False),
        ("self.mask, self.size", "self.mask = x\n        self.size = 3", False),
        ("self.mask, self.size", "self.mask = x", True),
        ("self.mask", "self.other = x", True),
        ("x", "self.mask = x", True),
    ],
)
def test_what_is_given_back_from_a_cache_is_made_once(kept: str, filled: str, hot: bool) -> None:
    source = f"""
class Net(torch.nn.Module):
    def make(self, x):
        if self.size_fits(x):
            return {kept}
        HERE
        {filled}
        return {kept}
    def forward(self, x):
        return self.make(x)
"""
    assert _hot(source) is hot


REMEMBERED = {
    "what is missing": ("if self.mask is None:\n    self.mask = HERE", True),
    "what is missing by its name": ("if not hasattr(self, 'mask'):\n    self.mask = HERE", True),
    "a new size": ("if self.mask.size(0) != n:\n    self.mask = HERE", True),
    "a size too small": ("if self.mask.size(0) < n:\n    self.mask = HERE", True),
    "what is missing or too small": (
        "if self.mask is None or self.n != n:\n    self.mask = HERE\n    self.n = n",
        True,
    ),
    "an entry that is missing": ("if n not in self.masks:\n    self.masks[n] = HERE", True),
    "what else is not kept": (
        "if n == self.n:\n    mask = self.mask\nelse:\n    self.mask = HERE\n    self.n = n",
        True,
    ),
    "what nobody stores": ("if self.mask is None:\n    mask = HERE", False),
    "what a local name stores": ("if mask is None:\n    mask = HERE", False),
    "what belongs to others": ("if x.mask is None:\n    x.mask = HERE", False),
    "what is only declared": ("if self.mask is None:\n    self.mask = None\n    HERE", False),
    "what changes by itself": ("if self.n != 0:\n    self.n = self.n - 1\n    HERE", False),
    "what there is": ("if self.mask is not None:\n    self.mask = HERE", False),
    "one of two": ("if self.mask is None or wanted:\n    self.mask = HERE", False),
}


@pytest.mark.parametrize(("branch", "kept"), REMEMBERED.values(), ids=REMEMBERED)
def test_what_a_branch_keeps_for_the_next_steps_is_made_once(branch: str, kept: bool) -> None:
    source = "class Net(torch.nn.Module):\n    def forward(self, x, n, wanted, mask):\n"
    assert _hot(source + indent(branch, " " * 8)) is not kept
