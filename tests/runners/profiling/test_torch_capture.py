"""A perf test and a script are profiled: as much as was asked for, with the lines that matter."""

import gzip
import json
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torch_perflint.__main__ import main
from torch_perflint.runners.profiling.captured import Captured, Plan, from_json

torch: Any = pytest.importorskip("torch")
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack  # noqa: E402

pytestmark = pytest.mark.torch

SCRIPT = """\
import time
import torch

weight = torch.randn(64, 64, requires_grad=True)
optimizer = torch.optim.SGD([weight], lr=0.1)


def load():
    time.sleep(0.03)
    return torch.ones(8, 64)


def train(steps):
    for _ in range(steps):
        batch = load()
        loss = (batch @ weight).sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        print("step")


"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other on a busy machine would take longer than the sleep."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def captured_script(tmp_path: Path, steps: int) -> list[Captured]:
    """Run the script with a boundary at the end of each step of its optimizer."""
    from torch_perflint.runners.profiling.torch_capture import ScriptCapture

    found: list[Captured] = []
    capture = ScriptCapture(Plan("train.py", tmp_path, tmp_path, 4, 2), found.append)
    file = tmp_path / "train.py"
    file.write_text(SCRIPT)
    names: dict[str, Any] = {}
    exec(compile(SCRIPT, str(file), "exec"), names)
    names["optimizer"].register_step_post_hook(lambda *_: capture.boundary())
    names["train"](steps)
    capture.end()
    return found


def test_a_script_is_profiled_from_one_step_of_its_optimizer_to_the_next(tmp_path: Path) -> None:
    [found] = captured_script(tmp_path, 20)
    assert found.summary.steps == 4
    totals = {line.line: line for line in found.summary.lines}
    # The loop ran before anything was recorded, and is seen all the same.
    assert found.source["train.py:16"] == "loss = (batch @ weight).sum()"
    assert max(totals.values(), key=lambda line: line.milliseconds) == totals[9]
    assert totals[15].total >= totals[9].milliseconds
    assert totals[16].operators > 0
    assert sum(part.milliseconds for part in found.summary.parts) == pytest.approx(found.clock_ms)
    assert found.notes == ()
    assert sys.gettrace() is None
    assert found.memory is not None
    held = {one.line: one.size for one in found.memory.holders}
    # At the peak of a step, which begins behind the optimizer: the batch, the product and its sum,
    # and the new gradient with what it is made of.
    assert held["train.py:10"] == 8 * 64 * 4
    assert held["train.py:17"] >= 64 * 64 * 4
    [saved] = found.memory.saved
    # `@` keeps the batch for the weight's gradient.
    assert (saved.module, saved.size) == ("", 8 * 64 * 4)
    assert not _get_current_dispatch_mode_stack()


def test_a_script_that_ends_early_tells_what_there_was(tmp_path: Path) -> None:
    [found] = captured_script(tmp_path, 9)
    assert found.summary.steps == 2
    assert found.notes == ("2 steps were profiled: the script had no more",)
    assert captured_script(tmp_path, 7) == []
    [brief] = captured_script(tmp_path, 12)
    assert brief.summary.steps == 4 and brief.memory is None
    assert brief.notes == ("what holds memory is not told: the script's steps are too few",)
    assert not _get_current_dispatch_mode_stack()


def test_a_step_that_ends_within_a_forward_is_profiled_too(tmp_path: Path) -> None:
    """Modules that train themselves do so: calls that began before the hooks end behind them."""
    from torch_perflint.runners.profiling.torch_capture import ScriptCapture

    found: list[Captured] = []
    capture = ScriptCapture(Plan("train.py", tmp_path, tmp_path, 2, 1), found.append)

    class Trainer(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Linear(8, 8)

        def forward(self, x: Any) -> None:
            self.net(x).sum().backward()
            capture.boundary()

    trainer = Trainer()
    for _ in range(12):
        trainer(torch.ones(2, 8))
    assert capture.is_over
    [one] = found
    assert one.memory is not None
    assert {saved.module for saved in one.memory.saved} == {"Trainer.net"}


TRAINS_ITSELF = """\
import queue, sys, threading, torch
net = torch.nn.Linear(8, 8)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
done = queue.Queue()
def train():
    for _ in range(20):
        net(torch.ones(2, 8)).sum().backward()
        optimizer.step()
    done.put("end")
if sys.argv[1] == "thread":
    threading.Thread(target=train).start()
else:
    train()
print(done.get())
"""


@pytest.mark.parametrize("where", ["main", "thread"])
def test_a_script_is_stopped_unless_it_trains_in_a_thread(
    where: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is raised in a thread ends that thread alone, and who waits for it waits on."""
    (tmp_path / "train.py").write_text(TRAINS_ITSELF)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PERFLINT_PROFILE", "")
    options = ["--steps", "2", "--skip", "2", "--out", str(tmp_path / "out")]
    command = ["timeout", "60", sys.executable, "train.py", where]
    assert main(["profile", *options, "--", *command]) == 0
    said = capfd.readouterr()
    assert "a step takes" in said.out
    assert ("end\n" in said.out) == (where == "thread")
    assert said.err.count("runs to its end") == (where == "thread")


def test_after_the_profile_a_script_runs_as_it_would(tmp_path: Path) -> None:
    from torch_perflint.runners.profiling.torch_capture import ScriptCapture

    found: list[Captured] = []
    capture = ScriptCapture(Plan("x", tmp_path, tmp_path, 1, 1), found.append)
    # One that is skipped, one for the clock, the profiler's first, one profiled; then two more.
    for _ in range(6):
        assert not capture.is_over
        capture.boundary()
    assert capture.is_over
    before = time.perf_counter()
    for _ in range(1000):
        capture.boundary()
    assert time.perf_counter() - before < 1
    assert len(found) == 1


@pytest.fixture
def project(repo: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one perf test that computes, and another that fails."""
    code = """\
        import pytest, torch
        @pytest.mark.perf
        def test_product(perf):
            a = torch.randn(200, 200)
            def step():
                return a @ a
            perf(step)
        @pytest.mark.perf
        def test_broken(perf):
            perf(lambda: 1 / 0)
        def test_plain():
            pass
        """
    repo.commit({"test_perf.py": textwrap.dedent(code)})
    monkeypatch.chdir(repo.root)
    return Path(repo.root)


def test_the_command_profiles_a_perf_test_and_writes_a_page(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", "test_perf.py::test_product", "--steps", "5"]) == 0
    out = capsys.readouterr().out
    assert "test_perf.py::test_product: a step takes" in out
    assert "return a @ a" in out
    assert "aten::mm" in out
    folder = project / ".perflint" / "profile"
    assert "aten::mm" in (folder / "profile.html").read_text(encoding="utf-8")
    found = from_json((folder / "profile.json").read_text(encoding="utf-8"), "profile.json")
    assert found.summary.steps == 5
    with gzip.open(folder / "trace.json.gz") as file:
        assert json.load(file)["traceEvents"]
    # A run that fails leaves the good profile alone, and of several tests the first is told.
    assert main(["profile", "test_perf.py::test_broken"]) == 1
    assert {file.name for file in folder.iterdir()} == {
        "profile.html",
        "profile.json",
        "trace.json.gz",
    }
    assert main(["profile", "test_perf.py", "-k", "product or broken", "--steps", "5"]) == 0
    out = capsys.readouterr().out
    assert "test_perf.py::test_product: a step takes" in out
    assert "note: 2 perf tests fit 'test_perf.py -k product or broken': this is the first" in out
    status = subprocess.run(
        ["git", "status", "--short"], cwd=project, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""


def test_a_profile_that_is_ended_from_outside_leaves_nothing_behind(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = subprocess.run

    def end(command: list[str], **options: Any) -> Any:
        if "pytest" in command:
            signal.raise_signal(signal.SIGTERM)
        return real(command, **options)

    ended: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    try:
        monkeypatch.setattr(subprocess, "run", end)
        assert main(["profile", "test_perf.py::test_product"]) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended == []
    assert "perflint: stopped" in capsys.readouterr().err
    assert not [*(project / ".perflint" / "profile").iterdir()]


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["test_perf.py::test_broken"], 1, "ZeroDivisionError"),
        (["test_perf.py::test_plain"], 2, "no test marked @pytest.mark.perf fits"),
        (["nowhere.py"], 2, "pytest could not run"),
        (["test_perf.py", "--steps", "0"], 2, "--steps and --skip have to be 1 or more"),
        (["test_perf.py", "--out", "test_perf.py/x"], 2, "cannot write into the folder"),
        # It is there, and nothing can be made in it.
        (["test_perf.py", "--out", "/proc"], 2, "cannot write into the folder /proc"),
    ],
)
def test_what_cannot_be_profiled_is_told(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    status: int,
    says: str,
) -> None:
    assert main(["profile", *words]) == status
    assert says in capsys.readouterr().err


OWN_PROFILER = """\
from torch.profiler import ProfilerActivity, profile

{before}
for number in range(30):
    if number == {start}:
        own = profile(activities=[ProfilerActivity.CPU])
        own.__enter__()
    (torch.ones(8, 64) @ weight).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
own.__exit__(None, None, None)
print("own events:", sum(one.key == "aten::mm" for one in own.key_averages()))
"""


@pytest.mark.parametrize("start", [0, 13])
def test_a_script_that_profiles_itself_keeps_its_profiler_and_is_told_so(
    tmp_path: Path, start: int
) -> None:
    """From its beginning, and while ours records: there can be only one."""
    before = SCRIPT.partition("def load")[0]
    (tmp_path / "train.py").write_text(OWN_PROFILER.format(before=before, start=start))
    words = ["profile", "--steps", "6", "--skip", "2", "--", sys.executable, "train.py"]
    done = subprocess.run(
        [sys.executable, "-m", "torch_perflint", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "own events: 1" in done.stdout
    assert "the script starts a profiler of its own" in done.stderr
    assert "bug in perflint" not in done.stderr
