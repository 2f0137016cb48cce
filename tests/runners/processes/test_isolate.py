"""What a worker process is given, and how its end is told."""

import random
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from torch_perflint.runners.processes import channel, isolate
from torch_perflint.runners.processes.isolate import (
    SideFailed,
    Worker,
    WorkerPlan,
    worker_environment,
)
from torch_perflint.runners.processes.seeds import seed_imports
from torch_perflint.runners.sample import Side
from torch_perflint.runners.sides.provenance import FirstParty

OWN = FirstParty(frozenset(), frozenset())


def plan(tmp_path: Path, timeout: float = 30.0) -> WorkerPlan:
    return WorkerPlan(tmp_path, tmp_path, ("test_a.py",), "", (), 3, timeout, 0.02, OWN)


def environment(tmp_path: Path, ours: dict[str, str], side: Side = Side.BASE) -> dict[str, str]:
    return worker_environment(ours, plan(tmp_path), side, 7)


@pytest.mark.parametrize(
    "name",
    [
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "INPUT_TOKEN",
        "RUNNER_TEMP",
        "PYTEST_ADDOPTS",
        "COVERAGE_PROCESS_START",
    ],
)
def test_a_test_sees_no_token_of_the_job_and_no_options_for_other_runs(
    tmp_path: Path, name: str
) -> None:
    given = environment(tmp_path, {name: "x", "HOME": "/home", "PYTHONPATH": "/lib"})
    assert name not in given
    assert (given["HOME"], given["PYTHONPATH"]) == ("/home", "/lib")


def test_both_sides_get_the_same_but_for_their_compile_caches_and_ports(tmp_path: Path) -> None:
    ours = {"A": "1", "OMP_NUM_THREADS": "64", "MASTER_PORT": "29500"}
    base, head = (environment(tmp_path, ours, side) for side in Side)
    differing = {name for name in base | head if base.get(name) != head.get(name)}
    assert differing == {"TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "MASTER_PORT"}
    assert "29500" not in (base["MASTER_PORT"], head["MASTER_PORT"])
    assert (base["OMP_NUM_THREADS"], base["MKL_NUM_THREADS"]) == ("3", "3")
    assert base["PYTHONHASHSEED"] == "7"
    assert base["TRITON_CACHE_DIR"].startswith(str(tmp_path))


def test_imports_draw_the_same_on_both_sides_of_a_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    numpy = pytest.importorskip("numpy")
    states = random.getstate(), numpy.random.get_state()
    drawn = []
    for number in ("4000000000", "4000000000", "7"):
        monkeypatch.setenv("PYTHONHASHSEED", number)
        seed_imports()
        drawn.append((random.random(), float(numpy.random.random())))
    random.setstate(states[0])
    numpy.random.set_state(states[1])
    assert drawn[0] == drawn[1]
    assert drawn[0][0] != drawn[2][0] and drawn[0][1] != drawn[2][1]


@pytest.mark.parametrize("words", [(), ("-m", "fast")])
def test_both_sides_keep_our_seeds_where_pytest_randomly_is_installed(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """It would seed `random` and NumPy with a number of its own in each process."""
    given = replace(plan(tmp_path), pytest_args=words)
    command = " ".join(isolate._command(given, Side.BASE))
    assert "-p no:randomly" in command


def test_a_seed_that_the_user_gives_to_pytest_randomly_is_not_refused(tmp_path: Path) -> None:
    given = replace(plan(tmp_path), pytest_args=("-p", "randomly", "--randomly-seed=1"))
    assert "no:randomly" not in isolate._command(given, Side.BASE)


def test_a_side_with_an_environment_of_its_own_runs_in_it(tmp_path: Path) -> None:
    given = replace(plan(tmp_path), environments={Side.HEAD: tmp_path / "env"})
    ours = {"PATH": "/usr/bin", "VIRTUAL_ENV": "/venv"}
    head, base = (worker_environment(ours, given, side, 7) for side in (Side.HEAD, Side.BASE))
    assert head["PATH"] == f"{tmp_path}/env/bin:/usr/bin"
    assert head["VIRTUAL_ENV"] == f"{tmp_path}/env"
    assert (base["PATH"], base["VIRTUAL_ENV"]) == ("/usr/bin", "/venv")
    assert isolate._command(given, Side.HEAD)[0] == f"{tmp_path}/env/bin/python"
    assert isolate._command(given, Side.BASE)[0] == sys.executable


def worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, timeout: float = 30.0
) -> Worker:
    """A worker process that runs `code` in place of pytest."""
    monkeypatch.setattr(isolate, "_command", lambda plan, side: [sys.executable, "-c", code])
    return Worker(plan(tmp_path, timeout), Side.HEAD, tmp_path, 1, 7)


ANSWER = """
import json, os
setup = json.load(open(os.environ["PERFLINT_WORKER"]))
os.write(setup["writes"], b'{"kind": "collected"}\\n')
order = json.loads(os.read(setup["reads"], 1000))
os.write(setup["writes"], json.dumps({"got": order, "root": setup["root"]}).encode() + b"\\n")
"""


def test_an_order_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with worker(tmp_path, monkeypatch, ANSWER) as process:
        assert process.collected() == {"kind": "collected"}
        assert process.ask({"do": "x"}) == {"got": {"do": "x"}, "root": str(tmp_path)}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("print('my last words'); raise SystemExit(3)", "the process ended with status 3"),
        ("import os; print('my last words', flush=True); os.abort()", "ended by SIGABRT"),
    ],
)
def test_a_process_that_ends_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    with worker(tmp_path, monkeypatch, code) as process:
        with pytest.raises(SideFailed) as raised:
            process.collected()
        assert said in raised.value.failure.summary
        assert "my last words" in raised.value.failure.details
        assert not raised.value.failure.timed_out
        with pytest.raises(SideFailed, match="the process ended"):
            process.ask({"do": "x"})


def test_a_process_that_ends_is_no_silent_one_where_a_child_of_its_own_lives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child holds the line open. A process that was killed is tried again; who hangs is not."""
    monkeypatch.setattr(channel, "_LOOK_SECONDS", 0.05)
    code = "import os, time\nif os.fork(): os._exit(3)\ntime.sleep(600)\n"
    with worker(tmp_path, monkeypatch, code) as process:
        with pytest.raises(SideFailed, match="the process ended with status 3") as raised:
            process.collected()
        assert not raised.value.failure.timed_out


def test_a_process_that_is_silent_has_timed_out_and_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import json, os, subprocess, sys, time\n"
        "setup = json.load(open(os.environ['PERFLINT_WORKER']))\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "os.write(setup['writes'], json.dumps({'child': child.pid}).encode() + b'\\n')\n"
        "time.sleep(600)\n"
    )
    monkeypatch.setattr(isolate.subprocess.Popen, "wait", _impatient(isolate.subprocess.Popen.wait))
    with worker(tmp_path, monkeypatch, code, timeout=0.2) as process:
        child = process.collected()["child"]
        assert _is_running(child)
        with pytest.raises(SideFailed) as raised:
            process.ask({"do": "x"})
        assert raised.value.failure.timed_out
        assert "`timeout`" in raised.value.failure.summary
    # The signal is sent by now; the kernel may take a moment.
    until = time.monotonic() + 5
    while _is_running(child) and time.monotonic() < until:
        time.sleep(0.01)
    assert not _is_running(child)


@pytest.mark.parametrize("at_once", [False, True])
def test_what_has_a_session_of_its_own_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    """As the processes that torchrun starts; the other side's stay."""
    code = (
        "import json, os, subprocess, sys\n"
        "setup = json.load(open(os.environ['PERFLINT_WORKER']))\n"
        "words = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "child = subprocess.Popen(words, start_new_session=True)\n"
        "os.write(setup['writes'], json.dumps({'child': child.pid}).encode() + b'\\n')\n"
        "os.read(setup['reads'], 1000)\n"
    )
    monkeypatch.setattr(isolate, "_command", lambda plan, side: [sys.executable, "-c", code])
    base, head = (Worker(plan(tmp_path), side, tmp_path, 1, 7) for side in Side)
    try:
        child, other = head.collected()["child"], base.collected()["child"]
        head.stop(at_once=at_once)
        until = time.monotonic() + 5
        while _is_running(child) and time.monotonic() < until:
            time.sleep(0.01)
        assert not _is_running(child)
        assert _is_running(other)
    finally:
        base.stop(at_once=True)


def _impatient(wait):  # type: ignore[no-untyped-def]
    """Let nobody wait five seconds for a process that sleeps."""
    return lambda self, timeout=None: wait(self, timeout and 0.1)


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
