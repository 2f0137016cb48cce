"""asv, pytest-benchmark, pyperf and perflint: each judges two commits by its own rule.

Each is used as its pages tell, with its defaults, but where `RULES` says otherwise.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from commits import git
from environments import environment
from torch_perflint import PerflintError, __version__
from torch_perflint.bot.report import Report, read_report
from torch_perflint.runners.processes.isolate import STEADY_MALLOC

SCRIPTS = Path(__file__).with_name("peers")
TEST = "test_cnn"
PEERS = {"asv": "0.6.6", "pytest-benchmark": "5.3.1", "pyperf": "2.11.0"}
# pyperf's default are 20, each of which imports PyTorch, and one more that calibrates.
PYPERF_PROCESSES = 6
RULES = {
    "perflint": "`perflint ci`: slower by its interval, and fresh processes agree",
    "asv": "`asv continuous --interleave-rounds`: ratio above 1.1 and p < 0.002 (Mann-Whitney)",
    "pytest-benchmark": "`--benchmark-compare-fail=mean:5%`: mean more than 5 % above base's",
    "pyperf": f"`pyperf compare_to`: t test at 95 %, {PYPERF_PROCESSES} processes × 3 values",
}
# One thread each. The malloc settings are those that perflint gives its workers: without them the
# luck of the heap makes steps of the same code differ, and the peers would err more often.
SETTINGS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **STEADY_MALLOC}
VERDICTS = ("slower", "faster", "same", "unsure")


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool says: one of `VERDICTS`, and seconds per step of head over those of base."""

    verdict: str
    ratio: float


@dataclass(frozen=True, slots=True)
class Bench:
    """The repository, the peers' commands, and a folder in which each tool has one of its own."""

    repository: Path
    commands: Path
    folder: Path

    def python(self, *words: str) -> list[str]:
        """The peers' Python with these words."""
        return [str(self.commands / "python"), *words]


def prepare(folder: Path, repository: Path, cache: Path) -> Bench:
    """Make what is made once and not timed: the peers' environments and checkouts."""
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    names = "-".join(f"{name}-{PEERS[name]}" for name in sorted(PEERS))
    wanted = [f"{name}=={number}" for name, number in PEERS.items()]
    # The versions that we use of what both need, pytest among them.
    constraints = Path(__file__).parents[1] / "constraints.txt"
    seen = Path(sysconfig.get_path("purelib"))
    home = cache / "peers" / f"{names}-{python}"
    commands = environment(home, *wanted, "-c", str(constraints), seen=seen)
    bench = Bench(repository, commands, folder)
    for name, script in (("pytest-benchmark", "test_step.py"), ("pyperf", "pyperf_step.py")):
        if not (checkout := folder / name / "checkout").exists():
            git(repository, "clone", "-q", str(repository), str(checkout))
        shutil.copy(SCRIPTS / script, checkout)
    prepare_asv(bench, seen)
    return bench


def prepare_asv(bench: Bench, seen: Path) -> None:
    """Write asv's settings and let it make its environment, which sees our PyTorch.

    asv builds and installs each commit. Here that is a path to its checkout: there is nothing to
    build.
    """
    home = bench.folder / "asv"
    (home / "benchmarks").mkdir(parents=True, exist_ok=True)
    (home / "benchmarks" / "__init__.py").touch()
    shutil.copy(SCRIPTS / "asv" / "steps.py", home / "benchmarks")
    install = (
        "import pathlib, sysconfig; "
        "pathlib.Path(sysconfig.get_path('purelib'), 'project.pth')"
        f".write_text('{{build_dir}}\\n{seen}\\n')"
    )
    settings = {
        "version": 1,
        "project": "workloads",
        "repo": str(bench.repository),
        "branches": ["main"],
        "environment_type": "virtualenv",
        "build_command": [],
        "install_command": [f'python -c "{install}"'],
        "uninstall_command": [],
    }
    if not (home / "ready").exists():
        (home / "asv.conf.json").write_text(json.dumps(settings), encoding="utf-8")
        asv = str(bench.commands / "asv")
        call([asv, "machine", "--yes"], home, HOME=str(home))
        # asv 0.6.6 ends with 1 here, whether it went well or not.
        said = call([asv, "setup"], home, fine=(0, 1), HOME=str(home))
        if not [*home.glob("env/*/asv-env-info.json")]:
            raise PerflintError(f"asv has made no environment:\n{said[-2000:]}")
        (home / "ready").touch()


def call(words: list[str], folder: Path, *, fine: tuple[int, ...] = (0,), **more: str) -> str:
    """Run a command with the settings of all; return what it says. Another status is an error."""
    env = os.environ | SETTINGS | more
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode not in fine:
        said = f"{done.stdout}{done.stderr}"[-3000:]
        raise PerflintError(f"{' '.join(words)} ended with status {done.returncode}:\n{said}")
    return done.stdout + done.stderr


def run_perflint(bench: Bench, base: str, head: str, number: int) -> Told:
    """`perflint ci` with one perf test, also where it sees that both sides run the same code."""
    out = bench.folder / "perflint"
    words = ["ci", "--base", base, "--head", head, "--all", "--time-identical", "-k", TEST]
    words += ["--seed", str(number), "--out", str(out), "--fail-on", "never"]
    call([sys.executable, "-m", "torch_perflint", *words], bench.repository, fine=(0, 1))
    return perflint_told(read_report(out / "report.json"))


def perflint_told(report: Report) -> Told:
    """The verdict of a report with one perf test; its change is that of throughput."""
    (test,) = report.run.tests
    if test.comparison is None or test.verdict.value not in VERDICTS:
        raise PerflintError(f"perflint has not compared {test.test.id}: {test.verdict.value}")
    return Told(test.verdict.value, 1 / (1 + test.comparison.change))


def run_asv(bench: Bench, base: str, head: str, _number: int) -> Told:
    """`asv continuous`, its two rounds interleaved, which it offers against drift."""
    home = bench.folder / "asv"
    shutil.rmtree(home / "results", ignore_errors=True)
    words = [str(bench.commands / "asv"), "continuous", "--interleave-rounds"]
    words += ["--machine", machine(home), base, head]
    said = call(words, home, fine=(0, 1), HOME=str(home))
    results = {
        side: json.loads(file.read_text(encoding="utf-8"))
        for side in (base, head)
        for file in home.glob(f"results/*/{side[:8]}-*.json")
    }
    return asv_told(said, results[base], results[head])


def machine(home: Path) -> str:
    """The name that asv gives to this machine."""
    known = json.loads((home / ".asv-machine.json").read_text(encoding="utf-8"))
    (name,) = known.keys() - {"version"}
    return str(name)


def asv_told(said: str, base: Mapping[str, object], head: Mapping[str, object]) -> Told:
    """Its last words, and the ratio of the medians that it stores."""
    verdicts = {
        "PERFORMANCE DECREASED.": "slower",
        "PERFORMANCE INCREASED.": "faster",
        "BENCHMARKS NOT SIGNIFICANTLY CHANGED.": "same",
    }
    found = [verdict for words, verdict in verdicts.items() if words in said]
    if len(found) != 1:
        raise PerflintError(f"asv has not compared anything:\n{said[-2000:]}")
    return Told(found[0], asv_median(head) / asv_median(base))


def asv_median(result: Mapping[str, object]) -> float:
    """The median of the one benchmark in a file of results."""
    columns, results = result["result_columns"], result["results"]
    assert isinstance(columns, list) and isinstance(results, dict)
    ((name, row),) = results.items()
    (median,) = row[columns.index("result")] or (None,)
    if median is None:
        raise PerflintError(f"asv has no result for {name}")
    return float(median)


def run_pytest_benchmark(bench: Bench, base: str, head: str, _number: int) -> Told:
    """Base is run and saved, then head is run and compared with what was saved."""
    home = bench.folder / "pytest-benchmark"
    checkout = home / "checkout"
    store = home / "store"
    shutil.rmtree(store, ignore_errors=True)
    words = bench.python("-m", "pytest", "-p", "pytest_benchmark.plugin", "test_step.py")
    words += [f"--benchmark-storage=file://{store}"]
    compare = ["--benchmark-compare=0001", "--benchmark-compare-fail=mean:5%"]
    # The other plugins that pytest finds are no part of the comparison.
    only = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    git(checkout, "checkout", "-q", base)
    call([*words, "--benchmark-save=base"], checkout, **only)
    git(checkout, "checkout", "-q", head)
    said = call([*words, "--benchmark-save=head", *compare], checkout, fine=(0, 1), **only)
    saved = [next(store.glob(f"*/*_{side}.json")) for side in ("base", "head")]
    base_run, head_run = (json.loads(file.read_text(encoding="utf-8")) for file in saved)
    return pytest_benchmark_told(said, base_run, head_run)


def pytest_benchmark_told(
    said: str, base: Mapping[str, object], head: Mapping[str, object]
) -> Told:
    """A failed comparison is "slower"; "faster" it never says. The ratio is that of the means."""
    slower = "Performance has regressed" in said
    if not slower and not ("1 passed" in said and "Comparing against benchmarks from" in said):
        raise PerflintError(f"pytest-benchmark has not compared anything:\n{said[-2000:]}")
    means = []
    for run in (base, head):
        assert isinstance(run["benchmarks"], list)
        (one,) = run["benchmarks"]
        means.append(float(one["stats"]["mean"]))
    return Told("slower" if slower else "same", means[1] / means[0])


def run_pyperf(bench: Bench, base: str, head: str, _number: int) -> Told:
    """All processes of base, then all of head."""
    home = bench.folder / "pyperf"
    checkout = home / "checkout"
    words = bench.python("pyperf_step.py", "--processes", str(PYPERF_PROCESSES), "--quiet")
    # Else its processes would not see the settings.
    words += [f"--inherit-environ={','.join(SETTINGS)}"]
    files = {side: home / f"{side}.json" for side in ("base", "head")}
    for side, commit in (("base", base), ("head", head)):
        git(checkout, "checkout", "-q", commit)
        files[side].unlink(missing_ok=True)
        call([*words, "-o", str(files[side])], checkout)
    said = call(bench.python("-m", "pyperf", "compare_to", *map(str, files.values())), home)
    base_run, head_run = (json.loads(file.read_text(encoding="utf-8")) for file in files.values())
    return pyperf_told(said, base_run, head_run)


def pyperf_told(said: str, base: Mapping[str, object], head: Mapping[str, object]) -> Told:
    """What is significant has a word and a ratio; the rest is hidden as not significant."""
    if found := re.search(r": \d+\.\d+x (slower|faster)$", said, re.MULTILINE):
        verdict = found[1]
    elif "not significant" in said.lower():
        verdict = "same"
    else:
        raise PerflintError(f"pyperf has not compared anything:\n{said[-2000:]}")
    return Told(verdict, pyperf_mean(head) / pyperf_mean(base))


def pyperf_mean(run: Mapping[str, object]) -> float:
    """The mean of all values; the process that calibrates has none."""
    assert isinstance(run["benchmarks"], list)
    (benchmark,) = run["benchmarks"]
    return fmean(value for one in benchmark["runs"] for value in one.get("values", ()))


def versions() -> dict[str, str]:
    """The version of each tool."""
    return {"perflint": __version__, **PEERS}


TOOLS: dict[str, Callable[[Bench, str, str, int], Told]] = {
    "perflint": run_perflint,
    "asv": run_asv,
    "pytest-benchmark": run_pytest_benchmark,
    "pyperf": run_pyperf,
}
