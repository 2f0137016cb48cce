"""Changed code that runs in processes of the test's own only: it is timed, not called the same."""

import textwrap
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.result import TestResult
from torch_perflint.runners.sides.hidden import hidden_changes, is_script
from torch_perflint.runners.verdict.compare import Verdict

from ..runs import PYTEST, run

CHANGED = ["seen.py", "reached.py", "script.py", "other.py", "data.csv"]


def test_what_ran_unseen_is_what_the_test_can_reach_or_a_script() -> None:
    seen, reach = {"seen.py"}, {"seen.py", "reached.py"}
    found = hidden_changes(CHANGED, seen, reach, lambda name: name == "script.py")
    assert found == ["reached.py", "script.py"]
    anything = hidden_changes(CHANGED, seen, None, lambda name: False)
    assert anything == ["reached.py", "script.py", "other.py"]


@pytest.mark.parametrize(
    ("name", "text", "script"),
    [
        ("a.py", "#!/usr/bin/env python\n", True),
        ("a.py", "if __name__ == '__main__': main()\n", True),
        ("__main__.py", "main()\n", True),
        ("a.py", "def main(): pass\n", False),
    ],
)
def test_a_script_says_so(tmp_path: Path, name: str, text: str, *, script: bool) -> None:
    (tmp_path / name).write_text(text)
    assert is_script(tmp_path / name) is script
    assert not is_script(tmp_path / "absent.py")


def measure(repo: Any, files: dict[str, str], change: dict[str, str]) -> TestResult:
    test = "import pytest, lib\n@pytest.mark.perf\ndef test_it(perf): perf(lib.step)\n"
    texts = {name: textwrap.dedent(text) for name, text in files.items()}
    repo.commit({"pyproject.toml": PYTEST, "test_lib.py": test, **texts})
    repo.commit({name: textwrap.dedent(text) for name, text in change.items()})
    settings = RunnersConfig(timeout=60, max_seconds=12)
    (result,) = run(repo, config=settings).tests
    return result


LOADER = """
    from torch.utils.data import DataLoader, Dataset

    class Data(Dataset):
        def __len__(self): return 2

        def __getitem__(self, at):
            import augment
            augment.work()
            return at

    def step():
        for _ in DataLoader(Data(), num_workers={workers}):
            pass
"""


@pytest.mark.torch
@pytest.mark.usefixtures("quick")
@pytest.mark.slow
def test_code_that_only_workers_of_a_loader_import_is_timed(repo: Any) -> None:
    work = "import time\ndef work(): time.sleep({})\n"
    files = {"lib.py": LOADER.format(workers=1), "augment.py": work.format(0.001)}
    result = measure(repo, files, {"augment.py": work.format(0.04)})
    assert result.comparison is not None
    assert result.comparison.change < -0.2
    assert "starts processes, which may run augment.py" in result.notes[0]


@pytest.mark.torch
@pytest.mark.usefixtures("quick")
@pytest.mark.slow
def test_a_script_that_the_step_runs_is_timed(repo: Any) -> None:
    lib = """
        import pathlib, subprocess, sys

        def step():
            subprocess.run([sys.executable, "-S", pathlib.Path(__file__).with_name("worker.py")])
    """
    work = "import time\ntime.sleep({})\n"
    files = {"lib.py": lib, "worker.py": work.format(0.001)}
    result = measure(repo, files, {"worker.py": work.format(0.04)})
    assert result.comparison is not None
    assert result.comparison.change < -0.2


@pytest.mark.torch
@pytest.mark.usefixtures("quick")
def test_code_that_nothing_runs_is_the_same_where_no_process_was_started(repo: Any) -> None:
    lib = """
        def step():
            if step is None:
                import augment
    """
    result = measure(repo, {"lib.py": lib, "augment.py": "x = 1\n"}, {"augment.py": "x = 2\n"})
    assert result.verdict is Verdict.SAME
    assert result.comparison is None
