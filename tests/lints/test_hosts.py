"""Which programs run on the CPU alone, so that nothing waits for a device."""

from pathlib import Path
from textwrap import dedent

import pytest
from torch_perflint.lints.check import check_paths
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.engine import check_source
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.work import Effort

RULES = [rule for rule in all_rules() if rule.code in ("PFL101", "PFL201")]
BEFORE = "import torch\nfrom torch import nn\n"
LOOP = """\
for x, y in loader:
    {moved}
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss.item()
"""
MODEL = "model = nn.Linear(3, 3)\noptimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"


def _flagged(before: str = "", moved: str = "x = x", after: str = "") -> bool:
    source = BEFORE + dedent(before) + LOOP.format(moved=moved) + dedent(after)
    return bool(check_source(source, "train.py", RULES))


@pytest.mark.parametrize(
    ("before", "moved"),
    [
        ("device = torch.device('cpu')\nmodel.to(device)\n", "x = x.to(device)"),
        ("device = 'cpu'\nmodel = build()\n", "x, y = x.to(device), y.to(device)"),
        ("DEVICE = torch.device('cpu')\nmodel = build().to(DEVICE)\n", "x = x"),
        ("model = build().to('cpu')\nnet = model.to('cpu')\n", "x = x"),
        ("", "x = x.to('cpu')"),
        ("device = 'cpu'\nseen = torch.zeros(3, device=device)\n", "x = x.to(device)"),
        ("# no GPU is needed\ndevice = 'cpu'\n", "x = x.to(device)"),
        ('"""Trains without cuda."""\ndevice = "cpu"\n', "x = x.to(device)"),
        ("device = 'cpu'\n", "x = x.to(device, dtype=torch.float64).to(torch.float32)"),
        ("device = 'cpu'\n", "x = x.to(device)\n    z = torch.ones(3, device=x.device)"),
        (MODEL, "x = x"),
    ],
)
def test_a_program_that_names_only_the_cpu_waits_for_nothing(before: str, moved: str) -> None:
    assert not _flagged(before, moved)


@pytest.mark.parametrize(
    ("before", "moved"),
    [
        ("", "x = x"),
        ("device = 'cuda' if args.cuda else 'cpu'\nmodel.to(device)\n", "x = x.to(device)"),
        ("device = torch.device(args.device)\nmodel.to(device)\n", "x = x.to(device)"),
        ("device = 'cpu'\nif fast:\n    device = best()\n", "x = x.to(device)"),
        ("", "x = x.to(device)"),
        ("device = torch.device('cpu')\n", "x = x.cuda()"),
        ("device = torch.device('cpu')\nmodel.to(rank)\n", "x = x.to(device)"),
        ("", "seen = model(x).to('cpu')"),
        ("cpu = torch.device('cpu')\n", "seen = model(x).to(cpu)"),
        ("from accelerate import Accelerator\ndevice = 'cpu'\n", "x = x.to(device)"),
        (f"import torch.distributed as dist\ndist.init('nccl')\n{MODEL}", "x = x"),
        (f"from transformers import Trainer\n{MODEL}", "x = x"),
        (MODEL.replace("nn.Linear(3, 3)", "build()"), "x = x"),
        (MODEL + "model.to(rank)\n", "x = x"),
        (
            "optimizer = torch.optim.SGD(model.parameters())\ncriterion = nn.MSELoss()\n",
            "nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
        ),
    ],
)
def test_a_program_that_may_run_elsewhere_waits(before: str, moved: str) -> None:
    assert _flagged(before, moved)


@pytest.mark.parametrize(("given", "flagged"), [("'cpu'", False), ("best()", True)])
def test_a_device_is_followed_through_parameters_and_attributes(given: str, flagged: bool) -> None:
    source = """
        import torch
        class Runner:
            def __init__(self, device):
                self.device = torch.device(device)
            def fit(self, loader):
                for x, y in loader:
                    loss = criterion(model(x.to(self.device)), y)
                    loss.backward()
                    optimizer.step()
                    total += loss.item()
        Runner(GIVEN).fit(loader)
        """
    assert bool(check_source(dedent(source).replace("GIVEN", given), "train.py", RULES)) is flagged


@pytest.mark.parametrize(("device", "flagged"), [("cpu", False), ("cuda", True)])
def test_a_loader_for_the_cpu_feeds_nothing_that_waits(device: str, flagged: bool) -> None:
    loader = "from torch.utils.data import DataLoader\ntrain_loader = DataLoader(data)\n"
    source = f"{BEFORE}device = '{device}'\n{loader}for x in train_loader:\n    x = x.to(device)\n"
    source += "    model(x).mean().backward()\n    optimizer.step()\n"
    assert bool(check_source(source, "train.py", RULES)) is flagged


@pytest.mark.parametrize(
    ("other", "flagged"),
    [
        ("", False),
        ("def seed():\n    torch.manual_seed(3)\n", False),
        ("def best():\n    return 'cuda'\n", True),
        ("def move(x, device):\n    return x.to(device)\n", True),
        ("import pytorch_lightning as pl\n", True),
    ],
)
def test_a_project_none_of_whose_files_speaks_of_a_device_trains_on_the_cpu(
    other: str, flagged: bool, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    made = "import torch\n\ndef make(model):\n    return torch.optim.SGD(model.parameters(), 0.1)\n"
    trains = made + "def fit(model, loss):\n    loss.backward()\n"
    (tmp_path / "optimizers.py").write_text(trains)
    (tmp_path / "other.py").write_text(f"import torch\n{other}")
    (tmp_path / "train.py").write_text(BEFORE + LOOP.format(moved="x = x"))
    result = check_paths(tmp_path, [tmp_path], LintConfig(root=tmp_path), None, Effort())
    assert bool(result.findings) is flagged


def test_a_file_on_its_own_that_makes_no_optimizer_is_part_of_something(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(BEFORE + LOOP.format(moved="x = x"))
    result = check_paths(tmp_path, [tmp_path], LintConfig(root=tmp_path), None, Effort())
    assert [finding.code for finding in result.findings] == ["PFL101"]
