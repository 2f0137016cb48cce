"""Safe fixes leave training as it is: programs are run before and after, and their losses compared.

Where there is no GPU, a stand-in for one takes what is made on, or moved to, `cuda`: the host does
the work, and random numbers asked of the device come from a generator of its own, as they would.
Not covered without a GPU: in which order kernels and copies run beside each other (PFL203), and
what autocast does to the numbers (PFL303: only which type it casts to is compared).
"""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.engine import check_source
from torch_perflint.lints.files import SourceFile
from torch_perflint.lints.finding import Severity
from torch_perflint.lints.fix import Wanted
from torch_perflint.lints.fixing import any_fix, fix_text, safe_only
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.rule import Invalid

pytestmark = pytest.mark.torch

HEAD = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
data = TensorDataset(torch.randn(24, 4), torch.randn(24, 1))
model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)).cuda()
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
losses = []
"""
# By the rules whose safe fixes each program holds.
PROGRAMS = {
    "a pinned loader": (
        ("PFL203",),
        """
        loader = DataLoader(data, batch_size=8, pin_memory=True)
        for epoch in range(2):
            for x, y in loader:
                optimizer.zero_grad()
                loss = criterion(model(x.cuda()), y.to("cuda"))
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
        """,
    ),
    "tensors made on the host": (
        ("PFL802",),
        """
        loader = DataLoader(data, batch_size=8)
        for x, y in loader:
            x, y = x.cuda(), y.cuda()
            mask = torch.ones(x.shape[0], 1).cuda()
            mask = mask + torch.zeros(x.shape[0], 1).to("cuda", torch.float64)
            mask = mask * torch.full((1, 1), 0.1).cuda() - torch.eye(1).to(x.device) / 3
            mask = mask + torch.tensor([0.1, 0.7]).to(device="cuda").mean()
            mask = mask * torch.arange(1, 4).cuda().unsqueeze(1).sum()
            mask = mask + torch.empty(8, 1).cuda().fill_(0.3) + torch.zeros(1).type_as(y)
            optimizer.zero_grad()
            loss = criterion(model(x) * mask.float(), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        """,
    ),
    "numbers that become tensors": (
        ("PFL112",),
        """
        loader = DataLoader(data, batch_size=8)
        for x, y in loader:
            loss = criterion(model(x.cuda()), y.cuda())
            loss = loss * torch.tensor(0.1, device=loss.device)
            loss = loss + torch.tensor(-3, device="cuda") * torch.tensor(True, device="cuda")
            loss = loss + torch.tensor(1e-3, dtype=torch.float64, device="cuda")
            loss = loss / torch.tensor(7, dtype=torch.float16, device="cuda")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        """,
    ),
    "a graph that is kept": (
        ("PFL601",),
        """
        total = torch.zeros((), device="cuda")
        history = []
        for x, y in DataLoader(data, batch_size=8):
            loss = criterion(model(x.cuda()), y.cuda())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss
            history.append(loss)
        losses = [one.item() for one in history]
        losses += [total.item()]
        """,
    ),
    "autocast of old": (
        ("PFL303",),
        """
        for x, y in DataLoader(data, batch_size=8):
            with torch.cuda.amp.autocast():
                casts = str(torch.get_autocast_dtype("cuda")), torch.is_autocast_enabled("cuda")
                out = model(x.cuda())
            with torch.cuda.amp.autocast(dtype=torch.bfloat16, enabled=False):
                casts += str(torch.get_autocast_dtype("cuda")), torch.is_autocast_enabled("cuda")
                loss = criterion(out.float(), y.cuda())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses += [casts, loss.item()]
        """,
    ),
    "comments that suppress nothing": (
        ("PFL901",),
        """
        for x, y in DataLoader(data, batch_size=8):
            loss = criterion(model(x.cuda()), y.cuda())  # perflint: ignore[PFL103]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        """,
    ),
}
# What does change the losses: fixes that say they are unsafe, and edits that no rule makes.
UNSAFE = """
for x, y in DataLoader(data, batch_size=8):
    x = x.cuda() + torch.randn(8, 4).cuda()
    loss = criterion(model(x), y.cuda())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
"""
DOCTORED = {
    "a pinned loader": ("y.to(", "0.999999 * y.to("),
    "tensors made on the host": ("(1, 1), 0.1", "(1, 1), 0.1000001"),
    "numbers that become tensors": ("0.1, ", "0.1, dtype=torch.float16, "),
    "a graph that is kept": ("history.append(loss)", "history.append(loss.half())"),
    "autocast of old": ("autocast()", "autocast(dtype=torch.bfloat16)"),
    "comments that suppress nothing": ("loss.backward()", "(-loss).backward()"),
}


@pytest.fixture(params=["stand-in", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a test on a GPU, and where the host plays one."""
    with _stand_in() if request.param == "stand-in" else nullcontext():
        yield


def _stand_in() -> AbstractContextManager[Any]:
    """Return what makes the host do the work of a GPU, which has a random generator of its own."""
    import torch
    from torch.overrides import TorchFunctionMode

    generator = torch.Generator().manual_seed(1)
    drawn = {torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal}

    class StandIn(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            given = dict(kwargs or {})
            if func is torch.Tensor.cuda:
                return args[0].to("cpu", non_blocking=given.get("non_blocking", False))
            if "autocast" in getattr(func, "__name__", ""):
                return func(*args, **given)
            if given.get("device") == "cuda":
                given["device"] = "cpu"
                if func in drawn:
                    given["generator"] = generator
            here = ("cpu" if isinstance(arg, str) and arg == "cuda" else arg for arg in args)
            return func(*here, **given)

    return StandIn()


def _losses(code: str) -> list[object]:
    """Run a program and return its losses."""
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, "train.py", "exec"), names)
    losses = names["losses"]
    assert losses and all(loss == loss for loss in losses), "NaN is never equal to anything"
    assert isinstance(losses, list)
    return losses


def _fixed(code: str, wanted: Wanted, root: Path) -> tuple[str, set[str]]:
    """Return what the fixes make of a program, and the rules that they come from."""
    config = LintConfig(root=root, select=("ALL",), preview=True, min_severity=Severity.INFO)
    fixed = fix_text(root, "train.py", SourceFile(code, "utf-8"), config, wanted).fixed
    assert fixed.problems == ()
    return fixed.source.text, {finding.code for finding in fixed.applied}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_safe_fix_leaves_every_loss_as_it_is_to_the_last_bit(
    name: str, device: None, tmp_path: Path
) -> None:
    rules, body = PROGRAMS[name]
    code = HEAD + dedent(body)
    fixed, applied = _fixed(code, safe_only, tmp_path)
    assert applied == set(rules)
    assert _losses(fixed) == _losses(code)


@pytest.mark.parametrize("name", DOCTORED)
def test_an_edit_that_changes_any_loss_is_seen(name: str, device: None) -> None:
    old, new = DOCTORED[name]
    code = HEAD + dedent(PROGRAMS[name][1])
    assert old in code
    assert _losses(code.replace(old, new, 1)) != _losses(code)
    assert _losses(code) == _losses(code)


def test_a_fix_that_draws_other_random_numbers_says_that_it_is_unsafe(
    device: None, tmp_path: Path
) -> None:
    code = HEAD + UNSAFE
    assert _fixed(code, safe_only, tmp_path)[1] == set()
    fixed, applied = _fixed(code, any_fix, tmp_path)
    assert "PFL802" in applied
    assert _losses(fixed) != _losses(code)


def test_options_of_workers_that_are_taken_out_only_kept_the_program_from_running(
    tmp_path: Path,
) -> None:
    loop = """
for x, y in DataLoader(data, batch_size=8, prefetch_factor=4):
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
"""
    code = HEAD.replace(".cuda()", "") + loop
    fixed, applied = _fixed(code, safe_only, tmp_path)
    assert applied == {"PFL213"}
    with pytest.raises(ValueError, match="prefetch_factor"):
        _losses(code)
    assert _losses(fixed) == _losses(code.replace(", prefetch_factor=4", ""))


def test_every_rule_with_a_safe_fix_has_a_program() -> None:
    safe = set()
    for rule in all_rules():
        for case in rule.INVALID:
            code = dedent(case.code if isinstance(case, Invalid) else case)
            try:
                found = check_source(code, "train.py", [rule])
            except PerflintError:
                continue  # an example of a file that is no Python
            safe |= {finding.code for finding in found if finding.fix and finding.fix.safe}
    run = {code for rules, _ in PROGRAMS.values() for code in rules} | {"PFL213"}
    assert safe <= run
