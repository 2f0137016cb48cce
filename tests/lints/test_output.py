"""What people read: text and concise; where output goes; counts; what is told only once."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch_perflint import PerflintError
from torch_perflint.__main__ import main
from torch_perflint.lints import outputs
from torch_perflint.lints.check import CheckResult
from torch_perflint.lints.colour import wants_colour
from torch_perflint.lints.excerpt import LONGEST, excerpt, visible
from torch_perflint.lints.finding import Cell, Confidence, Edit, Finding, Severity, Span
from torch_perflint.lints.options import OUTPUT_FORMATS
from torch_perflint.lints.output import render, tell
from torch_perflint.lints.sources import lines_below

from .outcomes import ITEM, KEPT, TRAIN, outcome


class _Stream(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def test_each_form_is_a_file_and_each_file_a_form() -> None:
    folder = Path(next(iter(outputs.__path__)))
    assert {file.stem for file in folder.glob("*.py")} - {"__init__"} == set(OUTPUT_FORMATS)


@pytest.mark.parametrize("form", OUTPUT_FORMATS)
def test_every_form_is_fine_without_findings(form: str) -> None:
    assert isinstance(render(outcome(), form), str)


def test_text_shows_severity_confidence_line_carets_and_what_can_be_fixed() -> None:
    assert render(outcome(KEPT, ITEM), "text") == (
        "src/train.py:3:14: PFL601 error, possible: the graph of every step is kept "
        "[graph-retention]\n"
        "        total += loss\n"
        "                 ^^^^\n"
        "src/train.py:4:19: PFL101 `.item()` waits for the device in every step "
        "(in the step loop of line 1) [item-in-hot-path]\n"
        '        print("損失 🔥", loss.item())\n'
        "                         ^^^^^^^^^^^\n"
        "2 findings (1 error, 1 warning) in 2 files; fixable: 1 with --fix\n"
    )


@pytest.mark.parametrize("confidence", list(Confidence))
def test_confidence_is_told_only_where_it_is_low(confidence: Confidence) -> None:
    told = render(outcome(replace(ITEM, confidence=confidence)), "concise")
    assert (confidence.value in told) == (confidence is Confidence.POSSIBLE)


def test_concise_is_one_line_a_finding() -> None:
    assert render(outcome(KEPT, ITEM), "concise").splitlines() == [
        "src/train.py:3:14: PFL601 error, possible: the graph of every step is kept "
        "[graph-retention]",
        "src/train.py:4:19: PFL101 `.item()` waits for the device in every step "
        "(in the step loop of line 1) [item-in-hot-path]",
    ]


def test_a_place_in_a_notebook_is_told_by_its_cell() -> None:
    in_cell = replace(ITEM, path="a.ipynb", span=Span(9, 0, 9, 4), cell=Cell(3, 8, 31, 31))
    assert render(outcome(in_cell), "concise").startswith("a.ipynb:cell 3:2:1: PFL101 ")


def test_colours_change_nothing_but_colours() -> None:
    painted = render(outcome(KEPT, ITEM, coloured=True), "text")
    assert "\x1b[1;31m^^^^\x1b[0m" in painted
    plain = io.StringIO()
    for number, part in enumerate(painted.split("\x1b[")):
        plain.write(part if number == 0 else part.split("m", 1)[1])
    assert plain.getvalue() == render(outcome(KEPT, ITEM), "text")


@pytest.mark.parametrize(
    ("terminal", "environ", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": ""}, False),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_for_terminals_and_those_who_ask(
    terminal: bool, environ: dict[str, str], coloured: bool
) -> None:
    assert wants_colour(_Stream(terminal=terminal), environ) is coloured


@pytest.mark.parametrize(
    ("source", "span", "shown"),
    [
        ("a = b.item()", Span(1, 4, 1, 12), ("a = b.item()", "    ^^^^^^^^")),
        ("\ta = b", Span(1, 5, 1, 6), ("\ta = b", "\t    ^")),
        ("é = b", Span(1, 4, 1, 5), ("é = b", "    ^")),
        ("e\u0301 = b", Span(1, 5, 1, 6), ("e\u0301 = b", "    ^")),
        ("f(損失, b)", Span(1, 2, 1, 4), ("f(損失, b)", "  ^^^^")),
        ("f(", Span(1, 0, 3, 1), ("f(", "^^")),
        ("", Span(1, 0, 1, 0), ("", "^")),
        ("f(x)", Span(1, 9, 1, 12), ("f(x)", "    ^")),
        ("a\x0cb\x1b[2J", Span(1, 2, 1, 3), ("a␌b␛[2J", "  ^")),
    ],
)
def test_carets_stand_under_what_is_meant(source: str, span: Span, shown: tuple[str, str]) -> None:
    assert excerpt(source, span) == shown


@pytest.mark.parametrize("column", [0, 30, 5_000, 999_990])
def test_of_a_very_long_line_only_the_surroundings_are_shown(column: int) -> None:
    line = "x" * column + "loss.item()" + "y" * (999_990 - column)
    source, carets = excerpt(line, Span(1, column, 1, column + 11))
    assert len(source) <= LONGEST + 2
    assert source[carets.index("^") : carets.rindex("^") + 1] == "loss.item()"
    assert (source[0] == "…", source[-1] == "…") == (column > 60, column < 900_000)


def test_nothing_that_is_shown_can_take_over_a_terminal() -> None:
    hostile = "".join(map(chr, range(0x20))).replace("\t", "") + "\x7f\x9b\u202e\udc80"
    assert visible(hostile).isprintable()
    told = render(
        outcome(
            replace(ITEM, path="a\x1b[2Jb.py", message="\x1b[2J"),
            problems=("bad\nname.py cannot be read",),
            texts={"a\x1b[2Jb.py": "\n\n\n" + hostile},
        ),
        "text",
    )
    assert "\x1b" not in told
    assert "problem: bad␊name.py cannot be read\n" in told


def test_a_file_that_is_gone_since_costs_only_the_line_of_source() -> None:
    gone = replace(ITEM, path="gone.py")
    for form in OUTPUT_FORMATS:
        assert "item-in-hot-path" in render(outcome(gone), form)


def test_two_rules_on_one_place_are_two_findings_and_the_same_twice_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = replace(ITEM, code="PFL105", rule="print-tensor")
    result = CheckResult((ITEM, ITEM, other), (), 1)
    tell(result, Path("/project"), output_format="concise", given={"src/train.py": TRAIN})
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == [
        "PFL101",
        "PFL105",
    ]


def test_output_goes_to_a_file_and_the_summary_to_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    file = tmp_path / "new" / "found.txt"
    result = CheckResult((ITEM,), ("b.py cannot be read",), 2)
    tell(result, Path("/project"), output_file=file, given={"src/train.py": TRAIN})
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "perflint: 1 finding (1 warning) in 2 files; 1 problem kept files from being checked; "
        f"see {file}",
        "perflint: b.py cannot be read",
    ]
    written = file.read_text(encoding="utf-8")
    assert "損失 🔥" in written
    assert "\x1b" not in written


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(PerflintError, match=r"cannot write .*: Is a directory"):
        tell(CheckResult(), tmp_path, output_file=tmp_path)


@pytest.mark.parametrize("form", OUTPUT_FORMATS)
def test_problems_reach_the_log_whatever_reads_the_output(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(CheckResult((), ("b.py cannot be read",), 1), Path("/project"), output_format=form)
    said = capsys.readouterr()
    assert "b.py cannot be read" in (said.out if form == "text" else said.err)


def test_a_terminal_without_the_letters_gets_codes(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import torch\nfor x in loader:\n    loss = model(x).sum()\n    loss.backward()\n"
        '    optimizer.step()\n    print("é", loss.item())\n',
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "torch_perflint", "check", "--select", "PFL101"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert b'print("\\xe9", loss.item())' in done.stdout


def test_statistics_count_findings_and_fixes_by_rule(capsys: pytest.CaptureFixture[str]) -> None:
    unsafe = replace(KEPT, span=Span(1, 0, 1, 1), fix=replace(KEPT.fix, safe=False))  # type: ignore[type-var]
    many = [replace(ITEM, span=Span(n, 0, n, 1)) for n in range(1, 12)]
    result = CheckResult((KEPT, unsafe, *many), (), 3)
    tell(result, Path("/project"), statistics=True)
    assert capsys.readouterr().out.splitlines() == [
        "11  PFL101  item-in-hot-path",
        " 2  PFL601  graph-retention   fixable: 1 with --fix, 1 with --unsafe-fixes",
        "estimated for every step: 11 waits of the host for the accelerator, if each of these "
        "places runs once in it; `perflint ci` measures what that costs",
        "13 findings (2 errors, 11 warnings) in 3 files; fixable: 1 with --fix, "
        "1 with --unsafe-fixes",
    ]
    tell(result, Path("/project"), statistics=True, output_format="json")
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == 1
    assert document["estimated_per_step"] == {"wait": 11}
    assert document["rules"][1] == {
        "code": "PFL601",
        "name": "graph-retention",
        "findings": 2,
        "safe_fixes": 1,
        "unsafe_fixes": 1,
    }


def test_a_place_costs_once_and_what_is_only_mentioned_costs_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    twice = replace(ITEM, code="PFL106")
    elsewhere = replace(ITEM, span=Span(50, 0, 50, 1), why=None)
    mentioned = replace(ITEM, span=Span(40, 0, 40, 1), severity=Severity.INFO)
    free = replace(KEPT, code="PFL601")
    result = CheckResult((ITEM, twice, mentioned, elsewhere, free), (), 1)
    tell(result, Path("/project"), statistics=True)
    assert "every step: 1 wait of the host for the accelerator, if" in capsys.readouterr().out
    tell(CheckResult((mentioned, free), (), 1), Path("/project"), statistics=True)
    assert "estimated" not in capsys.readouterr().out


def test_statistics_of_nothing_are_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    tell(CheckResult((), (), 3), Path("/project"), statistics=True)
    assert capsys.readouterr().out == "no findings in 3 files\n"


def test_statistics_in_another_form_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--statistics", "--output-format", "sarif"]) == 2
    assert "--statistics is a table or json, not sarif" in capsys.readouterr().err


def test_counts_are_told_in_words() -> None:
    info = replace(ITEM, severity=Severity.INFO)
    again = replace(info, span=Span(1, 0, 1, 1))
    assert render(outcome(info, again), "text").endswith("2 findings (2 info) in 2 files\n")


def test_text_wakes_nothing_that_only_other_forms_need() -> None:
    code = (
        "import sys, torch_perflint.lints.output as o, torch_perflint.lints.outputs.text\n"
        "print(*{'json', 'xml.sax', 'libcst', 'hashlib', 'unicodedata'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "\n", done.stderr


def test_lines_end_where_python_ends_them(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes("\ufeffa\x0c\r\nb\rc\u2028\nd".encode())
    assert list(lines_below(tmp_path)("a.py")) == ["a\x0c", "b", "c\u2028", "d"]
    assert list(lines_below(tmp_path)("none.py")) == []


@given(
    st.lists(
        st.builds(
            Finding,
            st.sampled_from(["a.py", "../b é.py", "c/d.py", "e\x1b\n<.py"]),
            st.builds(Span, *[st.integers(1, 4), st.integers(0, 9)] * 2),
            st.sampled_from(["PFL101", "PFL601", "X1"]),
            st.just("rule"),
            st.text(max_size=9),
            st.sampled_from(Severity),
            st.sampled_from(Confidence),
            st.none() | st.text(max_size=9),
            st.none() | st.builds(Edit, st.just(Span(1, 0, 1, 1)), st.text(max_size=5)),
        ),
        max_size=5,
    ),
    st.text(max_size=40),
)
def test_every_form_can_tell_anything(findings: list[Finding], source: str) -> None:
    told = outcome(*findings, texts=dict.fromkeys((f.path for f in findings), source))
    for form in OUTPUT_FORMATS:
        assert isinstance(render(told, form), str)


def test_findings_of_all_files_are_shown_with_their_own_lines() -> None:
    other = Finding("b.py", Span(1, 0, 1, 5), "PFL501", "data-parallel", "copies the module")
    told = render(outcome(ITEM, other, texts={"b.py": "other"}), "text")
    assert "    other\n    ^^^^^\n" in told


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_real_terminal_gets_colours(
    tmp_path: Path, environ: dict[str, str], coloured: bool
) -> None:
    pty = pytest.importorskip("pty", reason="Windows has none")
    (tmp_path / "train.py").write_text("import torch\nmodel = torch.nn.DataParallel(model)\n")
    usual = {key: os.environ[key] for key in os.environ.keys() - {"NO_COLOR", "FORCE_COLOR"}}
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as shown:
        words = [sys.executable, "-m", "torch_perflint", "check", "--select", "PFL501"]
        env = {**usual, "TERM": "xterm", **environ}
        subprocess.run(words, cwd=tmp_path, env=env, stdout=theirs, check=False)
        os.close(theirs)
        told = shown.read(10_000)
    assert b"PFL501" in told
    assert (b"\x1b[1;33mPFL501\x1b[0m" in told) == coloured
