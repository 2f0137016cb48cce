"""The commands of perflint and its peers, and checks that each of them did its work."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from lint_corpus import Sample, peer
from lint_timing import Job, run
from torch_perflint import PerflintError

BAIT = """\
import torch
from torch.utils.data import DataLoader


def train(model, dataset, optimizer, names):
    for batch in DataLoader(dataset, batch_size=8):
        loss = model(batch.cuda()).sum()
        loss.backward()
        optimizer.step()
        print(loss.item())
    for name, _ in names.items():
        print(name)
"""
PARSE_ALL = """\
import ast, contextlib, pathlib, sys, time, warnings
warnings.simplefilter("ignore")
sources = [file.read_bytes() for file in pathlib.Path().rglob("*.py")]
begin = time.process_time()
for source in sources:
    with contextlib.suppress(SyntaxError, ValueError):
        ast.parse(source)
sys.stderr.write(str(time.process_time() - begin))
print(len(sources))
"""


@dataclass(frozen=True, slots=True)
class Tools:
    """How each of them is called."""

    perflint: tuple[str, ...]
    options: frozenset[str]
    torchfix: Path
    hotpath: Path
    ruff: Path

    def ours(
        self, name: str, folder: Path, *words: str, cache: Path | None = None, **more: object
    ) -> Job:
        """`perflint check` as people see it, without a cache or with this one."""
        stored = ["--cache-dir", str(cache)] if cache else ["--no-cache"]
        # Before it had a cache, each run was a cold one.
        known = stored if stored[0] in self.options else []
        form = () if "--output-format" in words else ("--output-format", "concise")
        words = (*self.perflint, "check", "--exit-zero", *form, *known, *words)
        return Job(name, words, folder, ours=True, **more)  # type: ignore[arg-type]

    def check_torchfix(self, name: str, folder: Path) -> Job:
        """TorchFix with its one performance rule, which is the least work that it can be given."""
        return Job(name, (str(self.torchfix), "-j", "1", "--select=TOR4", "."), folder)

    def check_hotpath(self, name: str, folder: Path) -> Job:
        """hotpath-ai as it comes."""
        return Job(name, (str(self.hotpath), "analyze", "."), folder)

    def check_ruff(self, name: str, folder: Path, cache: Path, *, all_cores: bool = False) -> Job:
        """Its group for performance, without configuration."""
        select = ("--isolated", "--select", "PERF", "--output-format", "concise", "--quiet")
        words = (str(self.ruff), "check", *select, "--cache-dir", str(cache), ".")
        return Job(name, words, folder, all_cores=all_cores)

    def start(self, name: str = "start") -> Job:
        """The start of perflint alone."""
        return Job(name, (*self.perflint, "--version"), Path.cwd(), ours=True)


def find_tools(cache: Path) -> Tools:
    """Ours of this Python, the peers in environments of their own."""
    script = Path(sys.executable).with_name("torch-perflint")
    ours = (str(script),) if script.exists() else (sys.executable, "-m", "torch_perflint")
    help_text = run(Job("help", (*ours, "check", "--help"), Path.cwd(), ours=True)).said
    return Tools(
        perflint=ours,
        options=frozenset(re.findall(r"--[a-z][a-z-]+", help_text)),
        torchfix=peer(cache, "torchfix") / "torchfix",
        hotpath=peer(cache, "hotpath-ai") / "hotpath",
        ruff=peer(cache, "ruff") / "ruff",
    )


def python(name: str, code: str, folder: Path) -> Job:
    """A line of Python."""
    return Job(name, (sys.executable, "-c", code), folder)


def prove_that_all_see_bait(tools: Tools, folder: Path) -> None:
    """A tool that says nothing of this file is not set up as it should be."""
    folder.mkdir()
    (folder / "train.py").write_text(BAIT, encoding="utf-8")
    for job, word in (
        (tools.ours("perflint", folder), "PFL"),
        (tools.check_torchfix("TorchFix", folder), "TOR401"),
        (tools.check_hotpath("hotpath-ai", folder), "KP0"),
        (tools.check_ruff("ruff", folder, folder / "cache"), "PERF102"),
    ):
        said = run(job).said
        if word not in said:
            raise PerflintError(f"{job.name} finds nothing in a file with faults, but says: {said}")


def prove_that_all_files_are_read(tools: Tools, sample: Sample, cache: Path) -> dict[str, object]:
    """Each tool's own count of the files, and what perflint finds in them."""
    count = ("import pathlib, hotpath.cli as cli;"
             "print(sum(1 for _ in cli.iter_python_files(pathlib.Path('.'))))")  # fmt: skip
    report = found(tools, sample)
    ruff = tools.check_ruff("ruff", sample.folder, cache)
    shown = run(Job("ruff", (*ruff.words, "--show-files"), sample.folder)).said
    hotpath = (str(tools.hotpath.with_name("python")), "-c", count)
    counts = {
        "perflint": report["files"],
        "ruff": len(shown.splitlines()),
        "hotpath-ai": int(run(Job("hotpath-ai", hotpath, sample.folder)).said),
    }
    for name, number in counts.items():
        if number != len(sample.lines):
            raise PerflintError(f"{name} looks at {number} files of {len(sample.lines)}")
    return report


def found(tools: Tools, sample: Sample, cache: Path | None = None) -> dict[str, object]:
    """The report of perflint as data."""
    job = tools.ours("perflint", sample.folder, "--output-format", "json", cache=cache)
    report: dict[str, object] = json.loads(run(job).said)
    return report


def torchfix_count(aside: str) -> int:
    """How many files TorchFix says that it has checked."""
    count = re.search(r"Finished checking (\d+) files", aside)
    return int(count.group(1)) if count else 0
