"""What is known of copies between host and device."""

import ast
from textwrap import dedent

import pytest
from torch_perflint.lints.copies import to_host
from torch_perflint.lints.facts import Facts


def _facts(source: str) -> Facts:
    return Facts("import torch\n" + dedent(source), "train.py")


@pytest.mark.parametrize(
    ("after", "line"),
    [
        ("y = x.numpy()", 3),
        ("n = 3\ny = x + n", 4),
        ("print(x)", 3),
        ("y = x.view(-1).sum()", None),
        ("y = x.shape", None),
        ("torch.cuda.synchronize()\ny = x.numpy()", None),
        ("event.wait()\ny = x.numpy()", None),
        ("z = other.item()\ny = x.numpy()", None),
        ("x = other\ny = x.numpy()", None),
        ("def later():\n    return x.numpy()", None),
        ("queue.put(x)", None),
    ],
)
def test_who_reads_a_copy_to_the_host_before_it_has_arrived(after: str, line: int | None) -> None:
    facts = _facts(f"x = out.to('cpu', non_blocking=True)\n{after}\n")
    [copy] = [call for call in facts.syntax.calls if to_host(call)]
    read = facts.copies.read_too_early(copy)
    assert (read and getattr(read, "lineno", None)) == line


@pytest.mark.parametrize(
    ("head", "neighbour", "believed"),
    [
        ("", "x.cuda(non_blocking=True)", True),
        ("", "x.cuda(non_blocking=False)", False),
        ("", "x.cuda()", False),
        ("", "model.cuda(non_blocking=True)", False),
        ("from accelerate import Accelerator\n", "x.cuda(non_blocking=True)", False),
    ],
)
def test_a_neighbour_that_does_not_block_says_that_the_batch_is_pinned(
    head: str, neighbour: str, believed: bool
) -> None:
    facts = _facts(
        f"{head}model = torch.nn.Linear(2, 2)\nfor x, y in loader:\n    {neighbour}\n    y.cuda()\n"
        "    loss.backward()\n    optimizer.step()\n"
    )
    [copy] = [call for call in facts.syntax.calls if ast.unparse(call) == "y.cuda()"]
    assert facts.copies.believed_pinned(copy) is believed
