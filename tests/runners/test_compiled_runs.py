"""What a change does to `torch.compile` is told with its reason, at the line that is to blame."""

from typing import Any

import pytest
from torch_perflint.runners.config import RunnersConfig

from .runs import PYTEST, perf_file, run

pytestmark = pytest.mark.torch

MODEL = """
import torch
IMPORTS
def helper(y):
    torch._dynamo.graph_break()
    return y + 1

def forward(x):
    y = helper(x * 2)
    MORE
    return y.exp().sum()

compiled = torch.compile(forward, backend="eager")

def step():
    for size in SIZES:
        compiled(torch.ones(size))
"""
TEST = perf_file("import lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n")


@pytest.mark.slow
def test_the_reasons_of_both_sides_are_kept_and_head_s_new_ones_marked(
    repo: Any, quick: None
) -> None:
    base = MODEL.replace("IMPORTS", "").replace("MORE", "pass").replace("SIZES", "(4,)")
    head = MODEL.replace("IMPORTS", "\nimport os\n").replace("MORE", "y = y + 1; print(end='')")
    head = head.replace("SIZES", "(4, 6)")
    repo.commit({"pyproject.toml": PYTEST, "lib.py": base, "test_lib.py": TEST})
    repo.commit({"lib.py": head})
    settings = RunnersConfig(timeout=60, max_seconds=1, budgets={"graph_breaks": 0})
    (result,) = run(repo, config=settings).tests
    counters = {counter.name: counter for counter in result.counters}
    breaks, again = counters["graph_breaks"], counters["recompiles"]
    assert [one.name for one in result.over_budget] == ["graph_breaks"]
    line = {text: head[: head.index(text)].count("\n") + 1 for text in ("graph_break", "print")}
    new = breaks.new_reasons[0]
    assert (new.path, new.line, new.before) == ("lib.py", line["print"], 0)
    assert "`print`" in new.words
    # What is there before is met once more where the other size is compiled.
    old = [one for one in breaks.head_reasons if one.before]
    assert {one.line for one in old} == {line["graph_break"]}
    assert {one.words for one in old} == {one.words for one in breaks.base_reasons}
    assert {one.line for one in breaks.base_reasons} == {line["graph_break"] - 2}
    assert not again.base_reasons
    assert again.base == 0 and again.head == sum(one.count for one in again.head_reasons) > 0
    assert any("size mismatch" in one.words for one in again.new_reasons)
