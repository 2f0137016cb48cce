"""A repository with commits that add a known share of work to the steps of two perf tests."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from torch_perflint import PerflintError

WORKLOADS = Path(__file__).with_name("workloads")
TESTS = ("test_cnn", "test_transformer")

# The added work: products of matrices, as many as make up the share of a step. What a product costs
# is found within a step, where caches are not its own, on one processor, as perflint times steps:
# steps with and without a hundred products, in turn.
CALIBRATE = """\
import json, os, statistics, sys, time
sys.path.insert(0, ".")
import torch
import test_workloads as workloads

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
torch.set_num_threads(1)
matrix = torch.randn(32, 32)

def seconds(step, products):
    begin = time.perf_counter()
    for _ in range(5):
        step()
        for _ in range(products):
            torch.mm(matrix, matrix)
    return (time.perf_counter() - begin) / 5

found = {}
for name in ("test_cnn", "test_transformer"):
    steps = []
    getattr(workloads, name)(steps.append)
    (step,) = steps
    seconds(step, 1000)
    pairs = [(seconds(step, 0), seconds(step, 100)) for _ in range(300)]
    share = statistics.median(more / step - 1 for step, more in pairs)
    found[name] = 100 / share
print(json.dumps(found))
"""


def calibrated(folder: Path) -> dict[str, float]:
    """Return how many products cost as much as a step, for each workload."""
    done = subprocess.run(
        [sys.executable, "-c", CALIBRATE], cwd=folder, check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout))


def refuse_other_commits(seen: Iterable[str], commits: Iterable[str]) -> None:
    """Runs of other commits have other work in them: they do not belong into the same file.

    `seen` are the commits of a file's runs, by their first twelve digits or more.
    """
    known = {commit[:12] for commit in commits}
    if other := {commit[:12] for commit in seen} - known:
        raise PerflintError(
            f"the file has runs of other commits ({', '.join(sorted(other))}): give --folder the "
            "folder that they were made in, or begin another file"
        )


def make_commits(folder: Path, kinds: Iterable[int]) -> dict[str, str]:
    """Make a repository in `folder`; return the commits that are in it.

    "base" and "same" do the same work and differ in a comment; "3" does 3 % more, and so on for
    each of `kinds` but 0. What an earlier call has made in full is kept, so that runs on other days
    see the same commits.
    """
    kept = folder.with_name(f"{folder.name}.json")
    commits: dict[str, str]
    if kept.exists():
        commits = json.loads(kept.read_text())
        if missing := {str(kind) for kind in kinds if kind} - commits.keys():
            raise SystemExit(f"{kept} has no commits of +{missing} %: name another --folder")
        return commits
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\npythonpath = ['.']\n")
    for file in WORKLOADS.glob("*.py"):
        (folder / file.name).write_bytes(file.read_bytes())
    git(folder, "init", "-q", "-b", "main")
    step_in_products = calibrated(folder)
    commits = {"base": commit(folder, step_in_products, 0)}
    commits["same"] = commit(folder, step_in_products, 0, "\n# This line does nothing.\n")
    for kind in kinds:
        if kind:
            commits[str(kind)] = commit(folder, step_in_products, kind)
    kept.write_text(json.dumps(commits))
    return commits


def commit(folder: Path, step_in_products: dict[str, float], kind: int, more: str = "") -> str:
    """Add `kind` percent of a step to each workload, and `more` text; return the commit."""
    extra = {name: round(kind / 100 * step_in_products[name]) for name in TESTS}
    (folder / "extra.py").write_text(
        "import torch\n\nMATRIX = torch.randn(32, 32)\n\n\ndef work(name):\n"
        f"    for _ in range({extra}.get(name, 0)):\n        torch.mm(MATRIX, MATRIX)\n{more}"
    )
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", f"{kind} % more work")
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *words: str) -> str:
    """Run git there; return what it says."""
    who = ["-c", "user.name=perflint", "-c", "user.email=perflint@local"]
    command = ["git", "-C", str(folder), *who, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
