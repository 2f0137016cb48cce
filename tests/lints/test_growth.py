"""Which concatenations make a tensor grow in a loop."""

from textwrap import dedent

import pytest
from torch_perflint.lints.facts import Facts
from torch_perflint.lints.growth import Growing


def _growing(code: str) -> Growing | None:
    facts = Facts("import torch\n" + dedent(code), "evaluate.py")
    return facts.growth.growing(facts.syntax.calls_to("cat")[0])


@pytest.mark.parametrize(
    "code",
    [
        "for x in xs:\n    out = torch.cat((out, x))",
        "for x in xs:\n    out = torch.cat([out.cpu(), f(x)], dim=0)",
        "for x in xs:\n    self.out = torch.cat((self.out, x))",
        "for x in xs:\n    if out is None:\n        out = x\n    out = torch.cat((out, x))",
        "for x in xs:\n    out = x if out is None else torch.cat((out, x))",
        "for x in xs:\n    out = torch.cat((out, x))\n    print(out.shape, len(out))",
        "while True:\n    out = torch.cat((out, f()))",
    ],
)
def test_what_is_added_to_and_only_read_afterwards_grows(code: str) -> None:
    assert _growing(code) is not None


@pytest.mark.parametrize(
    "code",
    [
        "out = torch.cat((out, x))",
        "for x in xs:\n    out = torch.cat((x, x))",
        "for x in xs:\n    out = torch.cat((out, out))",
        "for x in xs:\n    out = f(x)\n    out = torch.cat((out, x))",
        "for x in xs:\n    out = torch.cat((out, x))[-9:]",
        "for x in xs:\n    out = torch.cat((out, x))\n    out = out[-9:]",
        "for x in xs:\n    y = model(out)\n    out = torch.cat((out, y))",
        "for x in xs:\n    def f():\n        out = torch.cat((out, x))",
    ],
)
def test_what_starts_anew_shrinks_or_is_needed_does_not(code: str) -> None:
    assert _growing(code) is None


@pytest.mark.parametrize(
    ("head", "batches"),
    [
        ("for x in tqdm(val_loader)", True),
        ("for batch in data", True),
        ("for i in range(0, n, batch_size)", True),
        ("for layer in layers", False),
        ("for i in range(3)", False),
        ("while x", False),
    ],
)
def test_loops_over_batches_are_told_from_short_ones(head: str, batches: bool) -> None:
    growing = _growing(f"{head}:\n    out = torch.cat((out, f()))")
    assert growing is not None
    assert growing.batches is batches


def test_a_loop_over_batches_further_out_counts() -> None:
    code = """
    for x in loader:
        for head in heads:
            out = torch.cat((out, head(x)))
    """
    growing = _growing(code)
    assert growing is not None
    assert growing.batches
    assert growing.loop.lineno == 4
