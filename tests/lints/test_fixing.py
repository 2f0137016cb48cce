"""`perflint check` where it fixes, shows a patch, asks, or reads the standard input."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from torch_perflint.__main__ import main

# `loss.item()` is left; `total += loss` has a safe fix, the copy an unsafe one.
CODE = """\
import torch
from torch.utils.data import DataLoader

loader = DataLoader(dataset, pin_memory=True, num_workers=4)
total = 0
for x, y in loader:
    x = x.to("cuda")
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss
    seen = loss.item()
print(total.item())
"""
SAFE = CODE.replace("total += loss\n", "total += loss.detach()\n").replace(
    '.to("cuda")', '.to("cuda", non_blocking=True)'
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    (tmp_path / "train.py").write_text(CODE)
    return tmp_path


def _piped(*words: str, text: str | bytes = CODE) -> subprocess.CompletedProcess[bytes]:
    raw = text.encode() if isinstance(text, str) else text
    command = [sys.executable, "-m", "torch_perflint", "check", *words]
    return subprocess.run(command, input=raw, capture_output=True)


def test_fix_writes_the_safe_fixes_and_shows_the_rest(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--fix", "--output-format", "concise"]) == 1
    assert (project / "train.py").read_text() == SAFE
    out, err = capsys.readouterr()
    assert "PFL101" in out and "PFL601" not in out
    assert "applied 2 fixes in 1 file" in err


def test_fix_only_says_nothing_of_what_is_left(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--fix-only"]) == 0
    assert (project / "train.py").read_text() == SAFE
    assert capsys.readouterr().out == ""


def test_diff_changes_nothing_and_its_patch_does_what_fix_does(project: Path) -> None:
    awkward = "my file.py"
    raw = b"\xef\xbb\xbf" + CODE.replace("\n", "\r\n").encode().rstrip()
    (project / awkward).write_bytes(raw)
    shown = _piped("--diff")
    assert shown.returncode == 1
    assert b"would apply 4 fixes in 2 files" in shown.stderr
    assert (project / awkward).read_bytes() == raw
    subprocess.run(["git", "apply", "-"], input=shown.stdout, check=True, cwd=project)
    patched = (project / awkward).read_bytes()
    assert (project / "train.py").read_text() == SAFE
    (project / awkward).write_bytes(raw)
    assert main(["check", "--fix-only", awkward]) == 0
    assert (project / awkward).read_bytes() == patched
    assert patched == b"\xef\xbb\xbf" + SAFE.replace("\n", "\r\n").encode().rstrip()
    again = _piped("--diff")
    assert (again.returncode, again.stdout) == (0, b"")


def test_fixing_keeps_encoding_permissions_and_links(project: Path) -> None:
    raw = ("# coding: latin-1\n# café\n" + CODE).encode("latin-1")
    (project / "real.py").write_bytes(raw)
    (project / "real.py").chmod(0o754)
    (project / "link.py").symlink_to("real.py")
    assert main(["check", "--fix-only", "link.py"]) == 0
    assert (project / "link.py").is_symlink()
    assert (project / "real.py").stat().st_mode & 0o777 == 0o754
    assert (project / "real.py").read_bytes() == ("# coding: latin-1\n# café\n" + SAFE).encode(
        "latin-1"
    )
    assert sorted(path.name for path in project.iterdir() if path.suffix == ".perflint") == []


def test_a_file_that_cannot_be_written_is_a_problem_and_stays_whole(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert main(["check", "--fix"]) == 2
    assert "train.py: No space left on device" in capsys.readouterr().out
    left = {path.name for path in project.iterdir() if path.name != ".perflint_cache"}
    assert left == {"train.py", "pyproject.toml"}
    assert (project / "train.py").read_text() == CODE


def test_fixes_stay_within_the_changed_lines(project: Path) -> None:
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@localhost", *words], check=True
        )
    text = CODE.replace("import torch\n", "import torch\nimport os\n", 1)
    text = text.replace('x.to("cuda")', 'x.to("cuda")  # to the device')
    (project / "train.py").write_text(text)
    assert main(["check", "--fix", "--diff-base", "HEAD"]) == 0
    assert (project / "train.py").read_text() == text.replace(
        '("cuda")', '("cuda", non_blocking=True)'
    )


def test_a_second_run_changes_nothing_however_files_depend_on_each_other(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "train.py").write_text(
        """\
import torch
from util import scale

dev = torch.device("cuda")
for x, y in loader:
    loss = criterion(model(x), y) * scale(dev)
    loss.backward()
    optimizer.step()
"""
    )
    util = "import torch\n\n\ndef scale(dev):\n    return torch.tensor(1.0).to(dev)\n"
    (project / "util.py").write_text(util)
    assert main(["check", "--fix-only", "--no-cache"]) == 0
    fixed = util.replace("tensor(1.0).to(dev)", "full((), 1.0, device=dev)")
    assert (project / "util.py").read_text() == fixed
    assert "applied 2 fixes in 1 file" in capsys.readouterr().err
    assert main(["check", "--diff"]) == 0
    (project / "util.py").write_text(util)
    assert main(["check", "--diff", "util.py"]) == 1
    assert "+    return torch.full((), 1.0, device=dev)" in capsys.readouterr().out
    assert (project / "util.py").read_text() == util
    assert main(["check", "--fix", "util.py"]) == 0
    assert (project / "util.py").read_text() == fixed


def test_a_file_with_several_names_is_fixed_once(project: Path) -> None:
    (project / "also.py").symlink_to("train.py")
    assert main(["check", "--fix"]) == 1
    assert (project / "train.py").read_text() == SAFE


@pytest.mark.parametrize("before", [0, 1, 2])
def test_an_interrupted_run_leaves_every_file_whole(
    project: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    names = ["a.py", "b.py", "train.py"]
    for name in names:
        (project / name).write_text(CODE)
    replace, done = os.replace, []

    def interrupted(old: str, new: Path) -> None:
        if new.suffix == ".py":
            done.append(new.name)
            if len(done) > before:
                raise KeyboardInterrupt
        replace(old, new)

    monkeypatch.setattr(os, "replace", interrupted)
    assert main(["check", "--fix"]) not in (0, 1)
    texts = [(project / name).read_text() for name in names]
    assert texts == [SAFE] * before + [CODE] * (3 - before)
    assert not list(project.glob("*.perflint"))


def test_fixes_of_a_notebook_land_in_their_cells(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head, loop = CODE.split("total = 0\n")
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# é"]},
        {
            "cell_type": "code",
            "metadata": {},
            "outputs": [{"x": 1}],
            "source": ["%pip install x\n"],
        },
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": head},
        {"cell_type": "code", "metadata": {}, "source": ["%%time\n", *loop.splitlines(True)]},
    ]
    raw = json.dumps({"cells": cells, "nbformat": 4}, indent=1, ensure_ascii=False)
    (project / "a.ipynb").write_text(raw)
    assert main(["check", "--fix", "--output-format", "concise", "a.ipynb"]) == 1
    assert (project / "a.ipynb").read_text() == raw.replace(
        '"    total += loss\\n"', '"    total += loss.detach()\\n"'
    ).replace('to(\\"cuda\\")', 'to(\\"cuda\\", non_blocking=True)')
    assert capsys.readouterr().out.startswith("a.ipynb:cell 4:8:12: PFL101 ")
    assert main(["check", "--output-format", "json", "a.ipynb"]) == 1
    [found] = json.loads(capsys.readouterr().out)["findings"]
    assert found["cell"] == {"number": 4, "line": 8, "end_line": 8}
    assert main(["check", "--output-format", "github", "a.ipynb"]) == 1
    line = int(capsys.readouterr().out.split("line=")[1].split(",")[0])
    assert "loss.item()" in (project / "a.ipynb").read_text().split("\n")[line - 1]


def test_the_standard_input_is_checked_as_the_named_file(project: Path) -> None:
    (project / "train.py").unlink()
    done = _piped("--stdin-filename", "src/new.py", "-")
    assert done.returncode == 1
    assert done.stdout.startswith(b"src/new.py:7:9: PFL203 ")
    assert b'        x = x.to("cuda")\n            ^' in done.stdout
    document = json.loads(_piped("--stdin-filename", "a.py", "--output-format", "json").stdout)
    assert {finding["path"] for finding in document["findings"]} == {"a.py"}
    assert _piped("-").stdout.startswith(b"<stdin>:7:9: ")
    assert _piped("-", text="x = 1\n").returncode == 0


def test_fixed_standard_input_goes_to_the_standard_output() -> None:
    raw = b"\xef\xbb\xbf" + CODE.replace("\n", "\r\n").encode()
    done = _piped("--fix", "--stdin-filename", "a.py", text=raw)
    assert done.returncode == 1
    assert done.stdout == b"\xef\xbb\xbf" + SAFE.replace("\n", "\r\n").encode()
    assert b"a.py:12:12: PFL101 " in done.stderr
    shown = _piped("--diff", "--stdin-filename", "a.py")
    assert (shown.returncode, shown.stdout[:17]) == (1, b"--- a/a.py\n+++ b/")


@pytest.mark.parametrize("text", [b"import torch\nfor x in (:\n", b"\0", b"import torch\n"])
def test_standard_input_that_cannot_be_fixed_comes_out_as_it_was(text: bytes) -> None:
    done = _piped("--fix", "--stdin-filename", "a.py", text=text)
    assert done.stdout == text
    assert done.returncode == (0 if text == b"import torch\n" else 2)


def test_an_excluded_name_on_the_standard_input_is_left_alone(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.perflint.lints]\nexclude = ["vendored"]\n')
    done = _piped("--fix", "--stdin-filename", "vendored/a.py")
    assert (done.returncode, done.stdout) == (0, CODE.encode())


def test_what_the_baseline_knows_is_neither_fixed_nor_shown(project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.perflint.lints]\nbaseline = "known.json"\n')
    assert main(["check", "--write-baseline"]) == 0
    assert _piped("--stdin-filename", "train.py").stdout == b"no findings in 1 file\n"
    added = CODE.replace("    seen =", "    other += loss\n    seen =")
    added = added.replace("total = 0", "total = other = 0")
    (project / "train.py").write_text(added)
    fixed = added.replace("other += loss", "other += loss.detach()")
    assert _piped("--stdin-filename", "train.py", "--fix", text=added).stdout == fixed.encode()
    assert main(["check", "--fix"]) == 0
    assert (project / "train.py").read_text() == fixed


def test_the_standard_input_is_not_mixed_with_paths(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-", "train.py"]) == 2
    assert "not both" in capsys.readouterr().err


def test_a_hook_passes_over_what_is_gone_or_no_python(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "notes.txt").write_text("import torch\n(")
    (project / "a file.py").write_text(CODE)
    assert main(["check", "--hook", "gone.py", "notes.txt"]) == 0
    assert main(["check", "--hook", "gone.py", "a file.py", "--output-format", "concise"]) == 1
    assert "a file.py:12:12: " in capsys.readouterr().out


def test_interactive_wants_a_terminal(project: Path) -> None:
    done = _piped("--interactive")
    assert done.returncode == 2
    assert b"needs a terminal" in done.stderr


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("n\ny\n", CODE.replace("total += loss\n", "total += loss.detach()\n")),
        ("what\nYES\nq\n", SAFE.replace("loss.detach()", "loss")),
        ("a\n", SAFE),
        ("\x04", CODE),
    ],
)
def test_a_person_is_asked_about_each_fix(project: Path, answers: str, expected: str) -> None:
    person, terminal = pty.openpty()
    os.write(person, answers.encode())
    done = subprocess.run(
        [sys.executable, "-m", "torch_perflint", "check", "-i", "train.py"],
        stdin=terminal,
        capture_output=True,
        text=True,
    )
    os.close(person)
    os.close(terminal)
    assert "Apply this fix?" in done.stderr
    assert '+    x = x.to("cuda", non_blocking=True)' in done.stderr
    assert (project / "train.py").read_text() == expected


def test_changed_lines_of_a_notebook_are_those_of_its_file(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "train.py").unlink()

    def written(code: str) -> str:
        cells = [{"cell_type": "code", "source": code.splitlines(keepends=True)}]
        return json.dumps({"cells": cells, "nbformat": 4}, indent=1)

    (project / "a.ipynb").write_text(written(CODE))
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@localhost", *words], check=True
        )
    edited = CODE.replace('x.to("cuda")', 'x.to("cuda")  # to the device')
    (project / "a.ipynb").write_text(written(edited))
    assert main(["check", "--diff-base", "HEAD", "--output-format", "concise"]) == 1
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("a.ipynb:cell 1:7:9: PFL203")
    assert main(["check", "--diff-base", "HEAD", "--fix"]) == 0
    fixed = edited.replace('("cuda")', '("cuda", non_blocking=True)')
    assert (project / "a.ipynb").read_text() == written(fixed)
