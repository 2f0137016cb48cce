"""Changes of dependencies: each side has its own, or the run is refused, or a note says what lacks.

pip is real, and has nothing but wheels in a folder.
"""

import os
import signal
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.limit import TimeLimit
from torch_perflint.runners.result import DependencyChange
from torch_perflint.runners.sample import Side
from torch_perflint.runners.sides import environments
from torch_perflint.runners.sides.checkout import Checkout, check_out
from torch_perflint.runners.sides.dependencies import Dependencies, compare_declared
from torch_perflint.runners.sides.environments import Environments, make_environments
from torch_perflint.runners.sides.git import changed_files
from torch_perflint.runners.verdict.compare import Verdict

from ..runs import PYTEST, perf_file, run, syncs
from ..wheels import wheel

STEP = "import torch\ndef step(): torch.ones(2).sum(){}\n"
TEST = """
    try:
        from slowdep import step
    except ImportError:
        def step(): torch.ones(2).sum()

    @pytest.mark.perf
    def test_it(perf): perf(step)
"""
DEFAULT = RunnersConfig()


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where pip looks, and nowhere else."""
    folder = tmp_path / "wheels"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    wheel(folder, "slowdep", "1", STEP.format(""))
    wheel(folder, "slowdep", "2", STEP.format(".item()"))
    return folder


def made(
    repo: Any, config: RunnersConfig = DEFAULT, seconds: float = 60
) -> tuple[Environments, list[str]]:
    """Make the environments for main against the commit before it; also what was said."""
    said: list[str] = []
    with check_out(repo.root, "main~1", "main") as sides:
        return make_environments(
            sides, config, declared(sides, config), said.append, TimeLimit(seconds)
        ), said


def declared(sides: Checkout, config: RunnersConfig) -> Dependencies:
    changed = changed_files(sides.repository, sides.base.sha, sides.head.sha)
    return compare_declared({s: sides.root(s) for s in Side}, config.requirements, changed)


NAME = "docs/requirements.txt"  # among prose, which is nothing to run a perf test for
# No difference of time matters, so that no fresh processes have to confirm one.
SETTINGS = RunnersConfig(timeout=60, max_seconds=1, min_effect=0.9, requirements=(NAME,))


def commit_dependency_change(repo: Any) -> None:
    """Not a line of code differs; the newer version of a dependency waits for the device."""
    files = {"pyproject.toml": PYTEST, "test_it.py": perf_file(TEST)}
    repo.commit({**files, NAME: "slowdep==1\n"})
    repo.commit({NAME: "slowdep==2  # newer\n"})


@pytest.mark.slow
@pytest.mark.torch
def test_each_side_runs_with_the_dependencies_that_it_declares(
    repo: Any, wheels: Path, quick: None
) -> None:
    commit_dependency_change(repo)
    result = run(repo, config=SETTINGS)
    assert result.refused is None
    assert result.notes[0] == "dependency change included: slowdep 1 → 2"
    assert result.dependencies == (DependencyChange("slowdep", "1", "2"),)
    (test,) = result.tests
    assert syncs(test) == (0, 1)
    assert test.is_regression
    # The code is the same, and it was timed all the same.
    assert test.comparison is not None


@pytest.mark.slow
@pytest.mark.torch
def test_in_one_environment_the_same_change_is_not_seen(
    repo: Any, wheels: Path, quick: None
) -> None:
    """The control of the test above; a note alone tells."""
    commit_dependency_change(repo)
    result = run(repo, config=replace(SETTINGS, requirements=()), everything=True)
    (test,) = result.tests
    assert (test.verdict, syncs(test)) == (Verdict.SAME, (0, 0))
    assert test.reason == "nothing that this test runs has changed, so it was not timed"
    assert f"dependency change NOT included: {NAME} differs" in result.notes[0]


def test_what_pip_cannot_get_is_refused_and_never_measured_in_one_environment(
    repo: Any, wheels: Path
) -> None:
    repo.commit({"requirements.txt": "slowdep==1\n"})
    repo.commit({"requirements.txt": "slowdep==9\n"})
    found, said = made(repo)
    assert found.folders == {}
    assert found.refused
    assert found.refused.startswith(
        "requirements.txt changes the dependencies, and head's environment could not be made: "
        "pip failed: No matching distribution found for slowdep==9; Could not find a version that"
    )
    assert said == [
        "an environment for base, since requirements.txt differs",
        "an environment for head, since requirements.txt differs",
    ]


def test_added_and_removed_dependencies_are_told(repo: Any, wheels: Path) -> None:
    wheel(wheels, "needs", "1", "", ["slowdep<2"])
    repo.commit({"pyproject.toml": '[project]\nname = "x"\ndependencies = ["needs"]\n'})
    repo.commit({"pyproject.toml": '[project]\nname = "x"\ndependencies = ["slowdep>1"]\n'})
    found, _ = made(repo)
    assert found.changes == (
        DependencyChange("needs", "1", None),
        DependencyChange("slowdep", "1", "2"),
    )
    assert found.notes == ("dependency change included: needs 1 removed, slowdep 1 → 2",)


def test_the_same_version_from_another_place_is_installed_anew(
    repo: Any, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip alone keeps what is there where the version is the same."""
    other = wheel(tmp_path / "other", "slowdep", "1", STEP.format(".item()"))
    ours = wheels / other.name
    inherit(ours, tmp_path / "inherited", monkeypatch)
    repo.commit({"requirements.txt": f"slowdep @ file://{ours}\n"})
    repo.commit({"requirements.txt": f"slowdep @ file://{other}\n"})
    (change,) = made(repo)[0].changes
    assert change.base is not None
    assert change.head is not None
    assert change.base.startswith("1 (")
    assert change.base != change.head


def inherit(installed: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let perflint's own environment hold a wheel, which is its files in an archive."""
    with zipfile.ZipFile(installed) as archive:
        archive.extractall(folder)
    before = environments._inherited()
    monkeypatch.setattr(environments, "_inherited", lambda: [*before, str(folder)])


def test_what_is_installed_here_is_inherited_or_replaced_and_stays_as_it_is(
    repo: Any, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "inherited"
    inherit(wheels / "slowdep-2-py3-none-any.whl", here, monkeypatch)
    held = sorted(here.rglob("*"))
    repo.commit({"requirements.txt": "slowdep<2\n"})
    repo.commit({"requirements.txt": "slowdep\n"})
    with check_out(repo.root, "main~1", "main") as sides:
        found = make_environments(
            sides, DEFAULT, declared(sides, DEFAULT), lambda what: None, TimeLimit(60)
        )
        own = {side: list(folder.rglob("slowdep.py")) for side, folder in found.folders.items()}
    assert found.changes == (DependencyChange("slowdep", "1", "2"),)
    assert (len(own[Side.BASE]), own[Side.HEAD]) == (1, [])
    assert [path for path in sorted(here.rglob("*")) if path.suffix != ".pyc"] == held


def test_nothing_is_made_where_both_sides_declare_the_same(repo: Any, wheels: Path) -> None:
    repo.commit({"requirements.txt": "slowdep==1\ntorch\n"})
    repo.commit({"requirements.txt": "# in another order\ntorch\nslowdep==1\n"})
    found, said = made(repo)
    assert found == Environments()
    assert said == []


def test_what_is_installed_here_serves_both_sides(repo: Any, wheels: Path) -> None:
    """pytest is there, so that nothing has to be fetched, and nothing differs."""
    repo.commit({"requirements.txt": ""})
    repo.commit({"requirements.txt": "pytest>=1\n"})
    found, _ = made(repo)
    assert found.refused is None
    assert found.changes == ()
    assert set(found.folders) == set(Side)
    assert found.notes == (
        "requirements.txt changes what the project depends on, and yet what is installed for both "
        "sides is the same",
        "only head declares pytest, and it is installed here, so that base can import it as well",
    )


@pytest.mark.slow
def test_a_command_of_the_user_s_fills_the_environments(repo: Any, wheels: Path) -> None:
    """For lock files that pip does not read, such as uv's."""
    script = (
        "import os, pathlib, subprocess, sys\n"
        "assert sys.prefix == os.environ['VIRTUAL_ENV']\n"
        "assert 'GITHUB_TOKEN' not in os.environ\n"
        "version = pathlib.Path('uv.lock').read_text()\n"
        "pip = [sys.executable, '-P', '-m', 'pip', 'install', '-q', f'slowdep=={version}']\n"
        "sys.exit(subprocess.run(pip).returncode)\n"
    )
    repo.commit({"sync.py": script, "uv.lock": "1"})
    repo.commit({"uv.lock": "2"})
    found, _ = made(repo, RunnersConfig(install=("python", "sync.py")))
    assert found.notes == ("dependency change included: slowdep 1 → 2",)
    repo.commit({"uv.lock": "7"})
    refused = made(repo, RunnersConfig(install=("python", "sync.py")))[0].refused
    assert refused
    assert (
        "head's environment could not be made: python failed: No matching distribution" in refused
    )
    refused = made(repo, RunnersConfig(install=("no-such-tool",)))[0].refused
    assert refused
    assert "no-such-tool cannot be run: No such file" in refused


@pytest.mark.parametrize("stop", ["the limit", "the user"])
def test_no_installer_outlives_its_time_or_ctrl_c(repo: Any, tmp_path: Path, stop: str) -> None:
    pids = tmp_path / "pids"
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}\\n')\n"
        "time.sleep(600)\n"
    )
    repo.commit({"sync.py": script, "uv.lock": "1"})
    repo.commit({"uv.lock": "2"})
    config = RunnersConfig(install=("python", "sync.py"))
    if stop == "the limit":
        found, _ = made(repo, config, seconds=1)
        assert found.refused
        assert "python was ended after" in found.refused
    else:
        with interrupted_once(pids), pytest.raises(KeyboardInterrupt):
            made(repo, config)
    for pid in pids.read_text().split():
        assert ended(int(pid))


@contextmanager
def interrupted_once(file: Path) -> Iterator[None]:
    """Press Ctrl-C when the file is there; also where it is ignored, as in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def look() -> None:
        until = time.monotonic() + 30
        while time.monotonic() < until and not (file.exists() and file.read_text().endswith("\n")):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    timer = Timer(0, look)
    timer.start()
    try:
        yield
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)


def ended(pid: int) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
