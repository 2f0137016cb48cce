"""`perflint trace` runs a script as it is, and tells what each step waits for."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.runners.inside.launch import environment
from torch_perflint.runners.tracing import traced
from torch_perflint.runners.tracing.trace_cli import run as run_trace
from torch_perflint.runners.tracing.traced import Traced, run_traced

from .traces import trace

SCRIPT = """\
import importlib.util, os, sys
assert importlib.util.find_spec("torch") is not None  # to ask is not to import
import torch
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
device = "cuda" if "plain" not in sys.argv else "cpu"
model = torch.nn.Linear(8, 2).to(device)
optimizer = torch.optim.AdamW(model.parameters(), foreach=True)
data = TensorDataset(torch.randn(48, 8), torch.randint(2, (48,)))
for number, (x, y) in enumerate(DataLoader(data, batch_size=4, num_workers=1, pin_memory=True)):
    x, y = x.to(device, non_blocking=True), y.to(device)
    loss = torch.nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if number % 4 == 1:
        loss.item()  # <- some
print("LOSS", loss.item().hex())
print("AS", __name__, sys.argv[1:], os.path.basename(sys.path[0]), len(sys.path))
os.chdir("/")
if "fail" in sys.argv:
    raise SystemExit(7)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(text: str, word: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(word)]
    return line


def by_place(trace: dict[str, Any]) -> dict[tuple[str, int], dict[str, Any]]:
    return {(Path(s["path"]).name, s["line"]): s for s in trace["syncs"] if s["blocks"]}


@pytest.mark.torch
def test_code_without_a_file_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code = (
        "import torch\nw = torch.randn(3, 3, device='cuda', requires_grad=True)\n"
        "o = torch.optim.SGD([w], lr=0.1)\nfor _ in range(4):\n"
        "    (w @ w).sum().backward(); o.step(); w.sum().item()\n"
    )
    assert run_trace(["--", sys.executable, "-c", code]) == 0
    assert "1 per step: item(), <string>:5" in capsys.readouterr().out


@pytest.mark.torch
@pytest.mark.parametrize(
    ("device", "moved", "tells"),
    [("cuda", "cpu", False), ("cpu", "cpu", True), ("cpu", "cuda", False)],
)
def test_steps_of_weights_that_are_not_on_the_gpu_are_told(
    device: str, moved: str, tells: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.py").write_text(
        "import torch\n"
        f"for device in ('cpu', '{device}'):\n"
        "    model = torch.nn.Linear(2, 2, device=device)\n"
        "    optimizer = torch.optim.SGD(model.parameters())\n"
        "    for _ in range(3):\n"
        "        model(torch.randn(2, 2, device=device)).sum().backward()\n"
        "        optimizer.step()\n"
        f"        model.weight.detach().to('{moved}', non_blocking=True)\n"
    )
    command = ["--", sys.executable, str(tmp_path / "train.py")]
    if tells:
        with pytest.raises(PerflintError, match="a budget holds for steps on the GPU"):
            run_trace(["--budget", "0", *command])
    else:
        assert run_trace(["--budget", "9", *command]) == 0
    assert ("nothing was ever on the GPU" in capsys.readouterr().out) == tells


@pytest.mark.torch
def test_a_script_runs_as_without_us_and_its_waits_are_told(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    command = [sys.executable, "train.py", "plain", "fail"]
    plain = subprocess.run(command, capture_output=True, text=True)
    command[2] = "gpu"
    assert run_trace(["--out", "trace.json", "--", *command]) == plain.returncode == 7
    out = capfd.readouterr().out
    assert said(out, "LOSS") == said(plain.stdout, "LOSS")
    assert said(out, "AS") == said(plain.stdout, "AS").replace("plain", "gpu")
    assert "1 per step: to(), train.py:12 (<module>)" in out
    assert "1 every 4th step: item(), train.py:18 (<module>)" in out
    written = json.loads((folder / "trace.json").read_text())
    assert written["steps"] == 12
    found = by_place(written)
    assert found["train.py", 12]["per_step"]["steps"] == 11
    assert found["train.py", 8]["set_up"] == 2
    assert str(folder / "train.py") in written["files"]


@pytest.mark.torch
def test_a_budget_fails_with_the_lines_named_and_json_is_all_of_the_output(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    words = ["--format", "json", "--", sys.executable, "-m", "train"]
    assert run_trace(["--budget", "1", *words]) == 1
    out, err = capfd.readouterr()
    assert json.loads(out)["steps"] == 12
    assert "over budget: step 3 waits 2 times, 1 allowed (and 2 other steps" in err
    assert "train.py:18 (<module>)  item()" in err
    assert "LOSS" in err
    assert "-m" in json.loads(out)["command"]


@pytest.mark.torch
def test_an_error_of_the_script_is_shown_as_it_is(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    (folder / "broken.py").write_text(
        "import torch\ntorch.ones(2, device='cuda') + torch.ones(3)\n"
    )
    assert run_trace(["--budget", "0", "--", sys.executable, "broken.py"]) == 1
    out, err = capfd.readouterr()
    assert 'File "' in err and "broken.py" in err and "must match the size" in err
    assert "0 steps on a shadow device" in out


@pytest.mark.torch
@pytest.mark.slow
def test_torchrun_with_one_process_is_traced(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    torchrun = str(Path(sys.executable).parent / "torchrun")
    assert run_trace(["--budget", "2", "--", torchrun, "--nproc-per-node", "1", "train.py"]) == 0
    assert "12 steps on a shadow device" in capfd.readouterr().out


def test_a_budget_wants_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "run_traced", lambda command, quiet: Traced(0, (trace(steps=2),)))
    assert run_trace(["--budget", "0", "--", "python"]) == 0
    with pytest.raises(PerflintError, match="made 2 steps, and a budget holds from step 3"):
        run_trace(["--budget", "0", "--skip", "2", "--", "python"])


def test_of_several_processes_that_make_steps_one_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = Traced(0, (trace(steps=9), trace(steps=8), trace(steps=0)))
    monkeypatch.setattr(traced, "run_traced", lambda command, quiet: ended)
    assert run_trace(["--", "python"]) == 0
    out, err = capsys.readouterr()
    assert "9 steps" in out
    assert "1 more process made steps" in err


def test_a_command_without_torch_is_said_to_be(folder: Path) -> None:
    (folder / "plain.py").write_text("print(1)\n")
    with pytest.raises(PerflintError, match="no process of this command has imported torch"):
        run_trace(["--", sys.executable, "plain.py"])


def test_the_status_of_a_command_without_torch_is_passed_on(folder: Path) -> None:
    (folder / "plain.py").write_text("raise SystemExit(5)\n")
    assert run_trace(["--", sys.executable, "plain.py"]) == 5


def test_a_sitecustomize_of_the_user_s_is_loaded_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "own").mkdir()
    (folder / "own" / "sitecustomize.py").write_text("print('OWN')\n")
    (folder / "plain.py").write_text(
        "import sitecustomize; print('FROM', sitecustomize.__file__)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder / "own"))
    assert run_traced([sys.executable, "plain.py"]).status == 0
    out = capfd.readouterr().out
    assert out.count("OWN") == 1
    assert said(out, "FROM").endswith(str(Path("own") / "sitecustomize.py"))


def test_a_signal_is_told_as_shells_do(folder: Path) -> None:
    (folder / "killed.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGTERM)\n")
    assert run_traced([sys.executable, "killed.py"]).status == 128 + 15


def test_a_signal_to_perflint_ends_the_script(folder: Path) -> None:
    (folder / "waits.py").write_text("import time; print('UP', flush=True); time.sleep(60)\n")
    words = [sys.executable, "-m", "torch_perflint", "trace", "--", sys.executable, "waits.py"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "UP\n"
        process.terminate()
        # The script has the other end, too: reading ends when both are gone.
        assert process.stdout.read() == ""
        assert process.wait(timeout=20) == 128 + 15


@pytest.mark.parametrize(
    ("command", "hint"),
    [
        ("nowhere-to-be-found", "without perflint"),
        ("absent.py", "perflint trace -- python absent.py"),
    ],
)
def test_a_command_that_is_not_there_is_said_to_be(command: str, hint: str) -> None:
    with pytest.raises(PerflintError, match=hint):
        run_traced([command])


@pytest.mark.parametrize(
    "words",
    [["python", "train.py"], ["--"], ["--budget", "-1", "--", "x"], ["--skip", "0", "--", "x"]],
)
def test_slips_of_the_pen_are_usage_errors(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_trace(words)
    assert ended.value.code == 2


def test_the_path_of_the_user_s_modules_is_kept() -> None:
    assert (
        environment({"PYTHONPATH": "/mine", "HOME": "/me"}, "/tmp/x")["PYTHONPATH"]
        == "/tmp/x:/mine"
    )
    assert environment({}, "/tmp/x") == {"PYTHONPATH": "/tmp/x"}


def test_findings_have_to_be_what_the_linter_prints(folder: Path) -> None:
    (folder / "findings.json").write_text("[]")
    with pytest.raises(PerflintError, match="--output-format json"):
        run_trace(["--findings", "findings.json", "--", sys.executable, "train.py"])
