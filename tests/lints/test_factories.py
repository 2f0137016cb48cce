"""Which calls make a tensor on the host and move it, and what telling them the device changes."""

import ast
from textwrap import dedent

import pytest
from torch_perflint.lints.engine import apply_fixes, lint_source
from torch_perflint.lints.factories import Moved
from torch_perflint.lints.facts import Facts
from torch_perflint.lints.registry import all_rules, find

CREATE_THEN_MOVE = find(all_rules(), "create-then-move")


def _moved(code: str) -> Moved | None:
    facts = Facts(f"import torch\n{code}", "train.py")
    outer = [c for c in facts.syntax.calls if isinstance(facts.syntax.parent(c), ast.Expr)]
    return facts.factories.moved(outer[0])


@pytest.mark.parametrize(
    "code",
    [
        "torch.zeros(3).cuda()",
        "torch.zeros(3).to(device)",
        "torch.zeros(3).to('cuda:1')",
        "torch.zeros(3).to(self.device, dtype)",
        "torch.zeros(3).to(dtype=dtype, device=x.device)",
        "torch.zeros(3).to(args.local_rank)",
        "torch.zeros(3).to(torch.device('cuda', 1))",
        "torch.arange(3).unsqueeze(0).repeat(2, 1).to(device)",
    ],
)
def test_a_factory_followed_by_a_move_is_seen(code: str) -> None:
    assert _moved(code) is not None


@pytest.mark.parametrize(
    "code",
    [
        "torch.zeros(3).to(torch.float16)",
        "torch.zeros(3).to(x)",
        "torch.zeros(3).to('meta')",
        "torch.zeros(3, device=d).to(device)",
        "torch.zeros(3, pin_memory=True).cuda(non_blocking=True)",
        "(torch.zeros(3) * x).to(device)",
        "torch.zeros(3).add(x).to(device)",
        "torch.stack(x).to(device)",
        "model(x).to(device)",
    ],
)
def test_what_else_is_moved_is_not(code: str) -> None:
    assert _moved(code) is None


@pytest.mark.parametrize(
    ("code", "exact"),
    [
        ("torch.full((2,), 0.3).cuda()", True),
        ("torch.arange(n).cuda()", True),
        ("torch.arange(0, 9, 2).cuda()", True),
        ("torch.arange(0, 1, 0.1).cuda()", False),
        ("torch.arange(a, b).cuda()", False),
        ("torch.linspace(0, 1, 9).cuda()", False),
        ("torch.randn(3).cuda()", False),
        ("torch.empty(3).uniform_().cuda()", False),
        ("torch.ones(3, requires_grad=True).cuda()", False),
    ],
)
def test_only_what_gives_the_same_bits_anywhere_is_exact(code: str, exact: bool) -> None:
    moved = _moved(code)
    assert moved is not None
    assert moved.made.exact is exact


def test_safe_fixes_give_the_same_tensors() -> None:
    torch = pytest.importorskip("torch")
    source = dedent(
        """
        import torch
        def make(device, dtype):
            return [
                torch.zeros(2, 3).to(device),
                torch.full((2,), 0.1).to(device, dtype),
                torch.tensor([0.1, 1e-9]).double().to(device=device),
                torch.eye(3).long().unsqueeze(0).to(device, non_blocking=True),
                torch.arange(7).view(1, 7).to(dtype=dtype, device=device),
                torch.ones(3).to(device, torch.bfloat16, copy=True),
            ]
        """
    )
    findings = lint_source(source, "train.py", [CREATE_THEN_MOVE]).findings
    assert len(findings) == 6
    assert all(finding.fix and finding.fix.safe for finding in findings)
    results = []
    for text in (source, apply_fixes(source, findings)):
        names: dict[str, object] = {}
        exec(text, names)
        results.append(names["make"]("cpu", torch.float16))  # type: ignore[operator]
    for before, after in zip(*results, strict=True):
        assert before.dtype == after.dtype
        assert torch.equal(before, after)
