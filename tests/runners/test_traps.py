"""Traps of real repositories: each gives the right result, or a clear word on why there is none."""

import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.machine.machine_state import usable_processors
from torch_perflint.runners.verdict.compare import Verdict

from .runs import PYTEST, run, syncs

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("quick")]

STEP = "import torch\ndef step(): torch.ones(2).sum(){}\n"
TEST = "import pytest\nimport lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n"


@pytest.mark.slow
def test_an_editable_install_with_a_finder_measures_each_side_s_own_code(
    repo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pip install -e` of today installs a finder that maps the package into the checkout."""
    layout = "packages/lib/__init__.py"
    repo.commit({layout: STEP.format(""), "test_lib.py": TEST})
    repo.commit({layout: STEP.format(".item()")})
    installed, hook = tmp_path / "installed", tmp_path / "hook"
    installed.mkdir()
    hook.mkdir()
    name = "__editable___lib_0_1_finder"
    mapping = {"lib": str(repo.root / "packages/lib")}
    # In a process of its own: setuptools cannot be loaded where distutils is already.
    write = "from setuptools.command import editable_wheel as e; import sys; "
    write += f"sys.stdout.write(e._finder_template({name!r}, {mapping!r}, {{}}))"
    finder = subprocess.check_output([sys.executable, "-c", write], text=True)
    (installed / f"{name}.py").write_text(finder)
    (installed / "__editable__.lib-0.1.pth").write_text(f"import {name}; {name}.install()")
    (hook / "sitecustomize.py").write_text(f"import site\nsite.addsitedir({str(installed)!r})\n")
    monkeypatch.setenv("PYTHONPATH", ":".join([str(hook), *(p for p in sys.path if p)]))
    # The trap is set: in an empty folder Python imports the checkout's copy.
    where = [sys.executable, "-c", "import lib; print(lib.__file__)"]
    found = subprocess.check_output(where, text=True, cwd=tmp_path).strip()
    assert found == str(repo.root / layout)
    result = run(repo)
    assert result.refused is None
    assert syncs(result.tests[0]) == (0, 1)


def with_submodule(repo: Any, make_repo: Any) -> None:
    """The code under test lies in a submodule, whose newer commit waits for the device."""
    library = make_repo("library")
    library.commit({"__init__.py": STEP.format("")})
    repo.commit({"pyproject.toml": PYTEST, "test_lib.py": TEST})
    repo.git(
        "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(library.root), "lib"
    )
    repo.commit(message="with the submodule")
    library.commit({"__init__.py": STEP.format(".item()")})
    subprocess.run(["git", "pull", "--quiet"], cwd=repo.root / "lib", check=True)
    repo.commit(message="the submodule is newer")


@pytest.mark.slow
def test_a_submodule_is_measured_at_each_side_s_own_commit(repo: Any, make_repo: Any) -> None:
    with_submodule(repo, make_repo)
    (test,) = run(repo).tests
    assert syncs(test) == (0, 1)


def test_a_submodule_that_is_not_checked_out_is_named(repo: Any, make_repo: Any) -> None:
    with_submodule(repo, make_repo)
    repo.git("submodule", "deinit", "--quiet", "--force", "lib")
    result = run(repo)
    assert [test.verdict for test in result.tests] == [Verdict.BROKEN]
    assert "the submodule lib is not checked out here" in result.notes[0]


def with_extension(repo: Any, source: str = "csrc/op.c") -> str:
    """Put a compiled module, one of Python's own under another name, beside the package."""
    name = f"_heapq{sysconfig.get_config_var('EXT_SUFFIX')}"
    built = Path(sysconfig.get_config_var("DESTSHARED"), name)
    if not built.exists():
        pytest.skip("this Python has _heapq built in")
    code = "import torch\nfrom . import _heapq\ndef step():\n    _heapq.heapify([2, 1])\n    {}\n"
    files = {"pyproject.toml": PYTEST, "test_lib.py": TEST, ".gitignore": "*.so\n"}
    repo.commit({**files, "lib/__init__.py": code.format("torch.ones(2).sum()"), source: "int f;"})
    repo.commit({"lib/__init__.py": code.format("torch.ones(2).sum().item()")})
    shutil.copy(built, repo.root / "lib" / name)
    return f"lib/{name}"


@pytest.mark.slow
def test_an_extension_built_in_the_checkout_serves_both_sides(repo: Any) -> None:
    compiled = with_extension(repo)
    result = run(repo)
    assert result.refused is None
    assert syncs(result.tests[0]) == (0, 1)
    assert result.notes[0].startswith(f"{compiled}: compiled in the checkout")


@pytest.mark.parametrize("source", ["csrc/op.c", "setup.py"])
def test_an_extension_whose_sources_differ_is_refused(repo: Any, source: str) -> None:
    compiled = with_extension(repo, source)
    repo.commit({source: "int g;", "lib/__init__.py": "from . import _heapq\n"})
    result = run(repo)
    assert result.refused is not None
    assert f"{compiled} is compiled in your checkout" in result.refused
    assert f"{source} differs between base and the checkout" in result.refused
    assert result.tests == ()


def test_an_extension_built_from_uncommitted_sources_is_refused(repo: Any) -> None:
    with_extension(repo)
    repo.write({"csrc/op.c": "int edited;"})
    assert "csrc/op.c differs" in (run(repo).refused or "")


MODEL = """
    import functools, torch, pytest

    MODEL = torch.nn.Linear(8, 8)

    @functools.cache
    def cached(): return torch.nn.Linear(8, 8)

    def train(perf, model):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        def step():
            model(torch.ones(2, 8)).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        perf(step)

    @pytest.fixture(scope="session")
    def fixed(): return torch.nn.Linear(8, 8)

    @pytest.mark.perf
    def test_own(perf): train(perf, torch.nn.Sequential(torch.nn.Linear(8, 8)))
    @pytest.mark.perf
    def test_module_level(perf): train(perf, MODEL)
    @pytest.mark.perf
    def test_fixture(perf, fixed): train(perf, fixed)
    @pytest.mark.perf
    def test_cached(perf): train(perf, cached())
"""


@pytest.mark.slow
def test_a_model_that_outlives_the_test_is_told(repo: Any) -> None:
    repo.commit({"pyproject.toml": PYTEST, "test_model.py": textwrap.dedent(MODEL)})
    repo.commit({"README.md": "nothing of it matters"})
    notes = {test.test.name: test.notes for test in run(repo, everything=True).tests}
    assert notes["test_own"] == notes["test_fixture"] == ()
    (module_level,) = notes["test_module_level"]
    assert module_level.startswith("MODEL in test_model.py (Linear) outlives the test")
    (cached,) = notes["test_cached"]
    assert "such as one in a cache outlives the test" in cached


@pytest.mark.slow
def test_a_step_that_leaks_memory_is_told_with_its_side(repo: Any) -> None:
    lib = "import torch\nKEPT = []\ndef step():\n    x = torch.ones(1000)\n    {}\n"
    repo.commit({"pyproject.toml": PYTEST, "lib.py": lib.format("x.sum()"), "test_lib.py": TEST})
    repo.commit({"lib.py": lib.format("KEPT.append(x.sum() * x)")})
    (test,) = run(repo).tests
    assert [note for note in test.notes if "leaks memory" in note] == [
        "each step of head leaves 4,000 bytes more of tensors behind than it found: it leaks "
        "memory, and times hold only for the first steps"
    ]
    assert test.peak and test.peak.head > test.peak.base
    assert test.head_failure is None


@pytest.mark.slow
def test_what_a_step_reads_and_does_not_declare_is_told(repo: Any) -> None:
    lib = (
        "import torch\nopen('early.json').read()\n"
        "def step():\n    open('data/a.txt').read()\n    {}\n"
    )
    test = TEST.replace("mark.perf", "mark.perf(reads=['configs/'])")
    files = {"pyproject.toml": PYTEST, "data/a.txt": "1", "early.json": "", "test_lib.py": test}
    repo.commit({**files, "lib.py": lib.format("torch.ones(2)")})
    repo.commit({"lib.py": lib.format("torch.ones(3)")})
    (result,) = run(repo).tests
    assert result.test.reads == ("configs/",)
    assert result.notes[0].startswith("read data/a.txt, which its `reads` does not declare")
    assert "read early.json, which its `reads` does not declare" in result.notes[1]


@pytest.mark.slow
def test_what_a_module_draws_at_random_while_it_is_imported_is_the_same_on_both_sides(
    repo: Any,
) -> None:
    lib = (
        "import random, numpy, torch\n"
        "N = [random.randrange(2, 900), int(numpy.random.randint(2, 900))]\n"
        "def step(): [torch.ones(2).sum() for _ in range(sum(N))]\n"
    )
    repo.commit({"pyproject.toml": PYTEST, "lib.py": lib, "test_lib.py": TEST})
    repo.commit({"lib.py": f"{lib}UNUSED = 1\n"})
    (result,) = run(repo).tests
    (operators,) = [one for one in result.counters if one.name == "operators"]
    assert operators.base == operators.head > 8


@pytest.mark.slow
def test_a_count_that_no_seed_holds_fails_no_change(repo: Any) -> None:
    lib = (
        "import secrets, torch\n"
        "def make():\n    n = secrets.randbelow({most})\n"
        "    return lambda: [torch.ones(1).item() for _ in range(n + {least})]\n"
    )
    test = TEST.replace("lib.step", "lib.make()")
    files = {"pyproject.toml": PYTEST, "test_lib.py": test}
    repo.commit({**files, "lib.py": lib.format(most=9, least=0)})
    repo.commit({"lib.py": lib.format(most=90, least=30)})
    (result,) = run(repo).tests
    assert (result.over_budget, result.unstable) == ((), ("host_syncs",))
    assert "counts host syncs otherwise each time that the test is built" in " ".join(result.notes)


@pytest.mark.slow
def test_a_generated_module_that_git_does_not_hold_is_named(repo: Any) -> None:
    """Such as the `_version.py` of setuptools-scm."""
    files = {"pyproject.toml": PYTEST, ".gitignore": "_version.py\n", "test_lib.py": TEST}
    repo.commit({**files, "lib.py": f"import _version\n{STEP.format('')}"})
    repo.commit({"lib.py": f"import _version\n{STEP.format('.item()')}"})
    repo.write({"_version.py": "version = 1\n"})
    (result,) = run(repo).tests
    assert result.verdict is Verdict.BROKEN
    assert result.notes[0].startswith("_version.py: in your checkout and not in git")


@pytest.mark.slow
def test_a_sub_folder_named_like_an_installed_package_refuses_no_run(repo: Any) -> None:
    """As with an `integrations/wandb/`: what is installed under that name is no copy of it."""
    files = {"integrations/numpy/__init__.py": ""}
    test = "import numpy\n" + TEST
    repo.commit({**files, "lib.py": STEP.format(""), "test_lib.py": test, "pyproject.toml": PYTEST})
    more = {"integrations/numpy/__init__.py": "A = 1\n", "examples/numpy/__init__.py": ""}
    repo.commit({**more, "lib.py": STEP.format(".item()")})
    result = run(repo)
    assert result.refused is None
    assert syncs(result.tests[0]) == (0, 1)


@pytest.mark.slow
def test_both_sides_are_timed_on_one_processor_at_a_time(repo: Any, tmp_path: Path) -> None:
    """The step writes down where it may run: one processor in each turn, the same for both."""
    if len(usable_processors()) < 2:
        pytest.skip("one processor only")
    step = (
        "import os, pathlib\n"
        f"notes = pathlib.Path({str(tmp_path)!r}, pathlib.Path.cwd().name)\n"
        "def step():\n"
        "    with notes.open('a') as file: print(*os.sched_getaffinity(0), file=file)\n"
    )
    repo.commit({"lib.py": step, "test_lib.py": TEST, "pyproject.toml": PYTEST})
    repo.commit({"lib.py": step + "    sum(range(9))\n"})
    assert run(repo).tests[0].segments

    def held(side: str) -> list[str]:
        """The processors of the held steps, each run of equal ones once."""
        lines = (tmp_path / side).read_text().splitlines()
        alone = [line for line in lines if len(line.split()) == 1]
        assert len(alone) > len(lines) / 2
        return [line for line, before in zip(alone, ["", *alone], strict=False) if line != before]

    assert held("base") == held("head")


@pytest.mark.slow
def test_sides_that_pin_themselves_to_different_processors_are_refused(repo: Any) -> None:
    """A conftest that gives each process a processor of its own, as some CI recipes do."""
    if len(usable_processors()) < 2:
        pytest.skip("one processor only")
    pin = (
        "import os, pathlib\n"
        "mine = sorted(os.sched_getaffinity(0))[pathlib.Path.cwd().name == 'head']\n"
        "os.sched_setaffinity(0, {mine})\n"
    )
    repo.commit({"lib.py": STEP.format(""), "test_lib.py": TEST, "pyproject.toml": PYTEST})
    repo.commit({"lib.py": STEP.format(".item()"), "conftest.py": pin})
    result = run(repo)
    assert result.refused is not None
    assert "pins its process" in result.refused


@pytest.mark.slow
def test_a_process_that_dies_once_at_its_start_decides_nothing(repo: Any, tmp_path: Path) -> None:
    """As where memory is short for a moment, while both sides load PyTorch."""
    mark = str(tmp_path / "died")
    dies = (
        f"import os\ntry: os.mkdir({mark!r})\nexcept OSError: pass\nelse: os.kill(os.getpid(), 9)\n"
    )
    repo.commit({"pyproject.toml": PYTEST, "lib.py": STEP.format(""), "test_lib.py": dies + TEST})
    repo.commit({"lib.py": STEP.format(".item()")})
    result = run(repo)
    assert syncs(result.tests[0]) == (0, 1)
    assert any("could not start and was tried again" in note for note in result.notes)
