"""Folders of code for tests that want much of it: the rules' examples, and installed packages."""

import importlib.util
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from torch_perflint.lints.cache import Cache
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.finding import Severity
from torch_perflint.lints.fix import Wanted
from torch_perflint.lints.fixing import fix_files, write
from torch_perflint.lints.known import check_held
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.rule import Invalid
from torch_perflint.lints.work import Effort

DEMO = Path(__file__).parents[2] / "demo"
# Findings in code that runs in every step, of many kinds, and in what it calls of another file.
HEALTHY = {
    "healthy/train.py": """\
import torch
from helper import report
from torch.utils.data import DataLoader

loader = DataLoader(dataset)
for x, y in loader:
    loss = criterion(model(x.cuda()), y)
    loss.backward()
    optimizer.step()
    report(loss.detach())
    print(loss.item())
""",
    "healthy/helper.py": "import torch\n\ndef report(value):\n    print(value.item())\n",
}


def all_of(root: Path) -> LintConfig:
    """Return a configuration under which every rule says all it has to say."""
    return LintConfig(root=root, select=("ALL",), preview=True, min_severity=Severity.INFO)


def examples() -> Iterator[tuple[str, str]]:
    """Yield a name and the code of each example of what the rules find."""
    for rule in all_rules():
        for number, case in enumerate(rule.INVALID):
            code = dedent(case.code if isinstance(case, Invalid) else case)
            yield f"{rule.name().replace('-', '_')}_{number}.py", code


def write_examples(root: Path) -> None:
    """Make a folder of the examples of all rules."""
    root.mkdir(parents=True)
    for name, code in examples():
        (root / name).write_text(code)


def copy_installed(root: Path, *names: str) -> None:
    """Copy parts of torch, where it is installed."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return
    for name in names:
        copied = shutil.ignore_patterns("__pycache__", "*.so", "*.h", "*.cuh")
        shutil.copytree(Path(found.origin).parent / name, root / name, ignore=copied)


def mended(root: Path, wanted: Wanted) -> tuple[Counter[str], list[str]]:
    """Write the fixes of all files below a folder; return the rules they are of, and problems."""
    config, effort = all_of(root), Effort(processes=2, memory=Cache(None))
    findings = check_held(root, [root], config, effort=effort).result.findings
    applied: Counter[str] = Counter()
    problems: list[str] = []
    for file in fix_files(root, [root], findings, config, wanted, None, effort):
        problems += file.fixed.problems
        applied.update(finding.code for finding in file.fixed.applied)
        if file.differs:
            write(root, file)
    return applied, problems
