"""The commands `perflint check`, `rules` and `explain`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from torch_perflint.__main__ import main
from torch_perflint.lints.registry import all_rules

LOOP = """\
import torch
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    \ttotal += loss.item()
""".replace("    \t", "    ")
RETAINING = LOOP.replace("total += loss.item()", "total += loss")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    (tmp_path / "train.py").write_text(LOOP)
    (tmp_path / "fine.py").write_text("import torch\n")
    return tmp_path


@pytest.mark.usefixtures("project")
def test_text_shows_the_place_the_line_and_a_caret(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 1
    assert capsys.readouterr().out == (
        "train.py:6:14: PFL101 `.item()` waits for the device in every step "
        "(in the step loop of line 2) [item-in-hot-path]\n"
        "        total += loss.item()\n"
        "                 ^^^^^^^^^^^\n"
        "1 finding (1 warning) in 2 files\n"
    )


@pytest.mark.usefixtures("project")
def test_a_bare_path_means_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fine.py"]) == 0
    assert capsys.readouterr().out == "no findings in 1 file\n"


@pytest.mark.usefixtures("project")
def test_json_has_a_version_and_all_there_is_to_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--output-format", "json", "--exit-zero"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    assert document["files"] == 2
    [finding] = document["findings"]
    assert finding["span"] == {"line": 6, "column": 13, "end_line": 6, "end_column": 24}
    assert (finding["severity"], finding["confidence"]) == ("warning", "proven")


def test_annotations_are_escaped(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "train.py").rename(project / "a,b:c%.py")
    (project / "bad\nname.py").write_text("import torch\n(\n")
    assert main(["check", "--output-format", "github"]) == 2
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(
        "::warning file=a%2Cb%3Ac%25.py,line=6,endLine=6,col=14,title=perflint%3A "
    )
    assert out[1].startswith("::error title=perflint::bad%0Aname.py")
    assert len(out) == 2


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([], 1),
        (["--fail-on", "error"], 0),
        (["--fail-on", "info"], 1),
        (["--fail-on", "never"], 0),
        (["--exit-zero"], 0),
        (["--select", "PFL6,data-parallel"], 0),
        (["--select", "PFL6", "--select", "item-in-hot-path"], 1),
        (["--ignore", "PFL1"], 0),
        (["--extend-ignore", "item-in-hot-path"], 0),
        (["fine.py"], 0),
    ],
)
@pytest.mark.usefixtures("project")
def test_the_exit_status_says_whether_there_is_something_to_look_at(
    words: list[str], status: int
) -> None:
    assert main(["check", *words]) == status


def test_the_command_line_beats_the_file(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        '[tool.perflint.lints]\nignore = ["PFL101"]\nfail_on = "never"\n'
    )
    assert main(["check"]) == 0
    assert main(["check", "--fail-on", "warning"]) == 0
    assert main(["check", "--fail-on", "warning", "--select", "PFL101"]) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "nowhere.py"], "nowhere.py does not exist"),
        (["check", "--select", "item-in-hotpath"], "did you mean item-in-hot-path?"),
        (["check", "--fail-on", "worst"], "'worst' is no severity"),
        (["check", "--diff-base", "no-such"], "git"),
        (["check", "--select", ","], "at least one rule"),
        (["check", "--min-severity", "worst"], "--min-severity has to be one of"),
        (["check", "--min-confidence", "sure"], "--min-confidence has to be one of"),
        (["explain", "graph-retentoin"], "did you mean graph-retention?"),
    ],
)
@pytest.mark.usefixtures("project")
def test_mistakes_are_named_without_a_traceback(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_a_file_that_cannot_be_read_hides_no_finding(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "broken.py").write_text("import torch\n(\n")
    assert main(["check", "--exit-zero"]) == 2
    out = capsys.readouterr().out
    assert "PFL101" in out
    assert "problem: broken.py: line 2" in out


def test_safe_fixes_are_applied_and_the_rest_is_shown(project: Path) -> None:
    body = "def f(loader):\n    total = 0\n" + "".join(
        f"    {line}\n" for line in RETAINING.splitlines()[1:]
    )
    before = f"# coding: latin-1\r\nimport torch\r\n# ü\r\n{body}".encode("latin-1")
    file = project / "train.py"
    file.write_bytes(before)
    file.chmod(0o750)
    assert main(["check"]) == 1
    assert file.read_bytes() == before
    assert main(["check", "--fix"]) == 0
    assert file.read_bytes() == before.replace(b"+= loss", b"+= loss.detach()")
    assert file.stat().st_mode & 0o777 == 0o750
    assert sorted(path.name for path in project.iterdir()) == [
        ".perflint_cache",
        "fine.py",
        "pyproject.toml",
        "train.py",
    ]


def test_unsafe_fixes_have_to_be_asked_for(project: Path) -> None:
    file = project / "train.py"
    keeping = RETAINING.replace("total", "trainer.total")
    file.write_text(keeping)
    assert main(["check", "--fix"]) == 1
    assert file.read_text() == keeping
    assert main(["check", "--unsafe-fixes"]) == 0
    assert file.read_text() == keeping.replace("+= loss", "+= loss.detach()")


def _git(root: Path, *words: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


def test_only_changed_lines_count_with_a_base(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _git(project, "init", "-q")
    _git(project, "add", ".")
    _git(project, "commit", "-qm", "base")
    assert main(["check", "--diff-base", "HEAD"]) == 0
    (project / "train.py").write_text(LOOP + "    more += float(loss)\n")
    assert main(["check", "--diff-base", "HEAD"]) == 1
    out = capsys.readouterr().out
    assert "PFL102" in out
    assert "PFL101" not in out


def test_rules_are_listed_with_what_they_look_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(all_rules())
    assert lines[0].split()[:3] == ["PFL101", "item-in-hot-path", "warning"]


def test_rules_as_json_hold_their_pages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--output-format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    assert [rule["code"] for rule in document["rules"]] == [rule.code for rule in all_rules()]
    fixing = {rule["name"] for rule in document["rules"] if rule["fixes"]}
    assert {"blocking-h2d", "dataloader-unpinned", "graph-retention"} <= fixing
    assert "item-in-hot-path" not in fixing


@pytest.mark.parametrize("word", ["PFL601", "graph-retention", "pfl601"])
def test_a_page_says_all_that_the_rule_knows(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", word]) == 0
    page = capsys.readouterr().out
    for part in ("# graph-retention (PFL601)", "## Why it is slow", "## Fix safety", "```python"):
        assert part in page


def test_the_markdown_of_all_rules_is_their_pages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--output-format", "markdown"]) == 0
    assert capsys.readouterr().out.count("## When it is fine") == len(all_rules())


@pytest.mark.parametrize("command", ["check", "rules", "explain"])
def test_help_tells_the_exit_statuses_and_wakes_no_parser(command: str) -> None:
    code = (
        "import sys\nfrom torch_perflint.__main__ import main\n"
        f"try:\n    main([{command!r}, '--help'])\nexcept SystemExit:\n    pass\n"
        "print('awake' if 'libcst' in sys.modules else 'asleep')"
    )
    out = subprocess.check_output(
        [sys.executable, "-c", code], text=True, env={**os.environ, "COLUMNS": "100"}
    )
    assert "exit status: 0" in out
    assert "examples:" in out
    assert out.endswith("asleep\n")
