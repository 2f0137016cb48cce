"""The engine: text in, findings out."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import libcst as cst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_perflint import PerflintError
from torch_perflint.lints.engine import apply_fixes, check_source, lint_source
from torch_perflint.lints.finding import Edit, Finding, Severity, Span
from torch_perflint.lints.positions import Positions
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.rule import Rule
from torch_perflint.lints.survey import mentions_framework

ROOM = Path(__file__).parents[2] / "lints"
LOOP = """\
import torch
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss.item()
"""


class _Broken(Rule):
    """Fails at the first call."""

    code = "PFL998"
    tokens = ("item",)

    def visit_Call(self, node: cst.Call) -> None:
        raise ZeroDivisionError("on purpose")


def _fix(first: int, last: int, text: str, line: int = 1) -> Finding:
    span = Span(line, first, line, last)
    return Finding("x.py", span, "PFL000", "x", "y", fix=Edit(span, text))


def test_a_finding_says_where_what_and_why() -> None:
    [finding] = check_source(LOOP, "src/train.py", all_rules())
    assert finding.path == "src/train.py"
    assert finding.span == Span(6, 13, 6, 24)
    assert (finding.code, finding.rule) == ("PFL101", "item-in-hot-path")
    assert finding.why == "in the step loop of line 2"
    assert finding.severity is Severity.WARNING


def test_a_rule_that_fails_is_a_problem_and_the_others_still_speak() -> None:
    result = lint_source(LOOP, "train.py", [_Broken, *all_rules()])
    assert [finding.code for finding in result.findings] == ["PFL101"]
    [problem] = result.problems
    assert "train.py" in problem
    assert "ZeroDivisionError: on purpose" in problem


@pytest.mark.parametrize(
    "source",
    [
        LOOP + "for x in:\n",
        LOOP + "print 'two'\n",
        LOOP + "(" * 500,
    ],
)
def test_text_that_is_no_python_is_a_problem_with_its_line(source: str) -> None:
    result = lint_source(source, "train.py", all_rules())
    assert result.findings == ()
    assert result.problems[0].startswith("train.py: ")
    with pytest.raises(PerflintError, match=r"train\.py"):
        check_source(source, "train.py", all_rules())


def test_code_nested_too_deeply_is_a_problem_and_no_crash() -> None:
    deep = LOOP + "x = " + "-" * 5000 + "1\n"
    assert "train.py" in lint_source(deep, "train.py", all_rules()).problems[0]


class _Deep(Rule):
    """Finds calls of `item` and goes down too far at `backward`."""

    code = "PFL997"
    tokens = ("item",)

    def visit_Call(self, node: cst.Call) -> None:
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "backward":
            raise RecursionError
        if isinstance(node.func, cst.Attribute) and node.func.attr.value == "item":
            self.report(node, "words")


def test_a_statement_nested_too_deeply_is_said_and_the_rest_is_looked_at() -> None:
    result = lint_source(LOOP, "train.py", [_Deep])
    assert [finding.span.line for finding in result.findings] == [6]
    assert result.problems == ("train.py: some of it is nested too deeply to be read",)


def test_of_two_rules_that_say_the_same_of_a_place_the_more_exact_one_speaks() -> None:
    source = """\
import torch
for x in loader.cuda():
    model(x).mean().backward()
    for p in model.parameters():
        total += p.grad.norm().item() ** 2
        other += float(p.grad.norm(2))
    optimizer.step()
"""
    rules = all_rules()
    several = [(f.span.line, f.code) for f in check_source(source, "a.py", rules)]
    assert [each for each in several if each[1] < "PFL2" or each[1] == "PFL408"] == [
        (5, "PFL408"),
        (6, "PFL408"),
    ]
    without = [rule for rule in rules if rule.code != "PFL408"]
    alone = {(f.span.line, f.code) for f in check_source(source, "a.py", without)}
    assert {(5, "PFL101"), (6, "PFL102")} <= alone


def test_columns_count_characters_whatever_their_width() -> None:
    source = LOOP.replace("    total +=", '    grüße["höhe"] +=')
    [finding] = check_source(source, "train.py", all_rules())
    line = source.split("\n")[finding.span.line - 1]
    assert line[finding.span.column : finding.span.end_column] == "loss.item()"


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_other_ends_of_lines_move_no_finding(newline: str) -> None:
    assert check_source(LOOP.replace("\n", newline), "train.py", all_rules()) == check_source(
        LOOP, "train.py", all_rules()
    )


def test_a_form_feed_ends_no_line() -> None:
    source = LOOP.replace("import torch\n", "import torch\n\f\n")
    [finding] = check_source(source, "train.py", all_rules())
    assert finding.span.line == 7


@pytest.mark.parametrize("before", ["\f    ", "  \f    ", "\f\f    "])
def test_a_form_feed_before_a_line_hides_nothing_and_moves_no_fix(before: str) -> None:
    source = LOOP.replace("    total", f"{before}total").replace("x, y", "x, é")
    source = source.replace("loss.item()", "loss") + "    seen = loss.item()\n"
    for shortcuts in (True, False):
        result = lint_source(source, "train.py", all_rules(), shortcuts=shortcuts)
        assert [(f.span.line, f.span.column, f.code) for f in result.findings] == [
            (6, len(before) + len("total += "), "PFL601"),
            (7, 11, "PFL101"),
        ]
        fixed = apply_fixes(source, result.findings)
        assert fixed == source.replace("+= loss", "+= loss.detach()")


def test_a_line_that_libcst_loses_moves_no_finding_to_another() -> None:
    source = LOOP.replace("for x", "\\\nfor x")
    assert [f.span.line for f in lint_source(source, "train.py", all_rules()).findings] == [7]
    full = lint_source(source, "train.py", all_rules(), shortcuts=False)
    assert full.findings == () and "loses one of its lines" in full.problems[0]


def test_files_without_torch_hold_nothing() -> None:
    assert (
        check_source(LOOP.replace("import torch", "import tensorflow"), "t.py", all_rules()) == []
    )
    assert mentions_framework(LOOP)
    assert not mentions_framework(LOOP.replace("torch", "keras"))


def test_fixes_are_applied_from_the_end_and_an_overlapping_one_waits() -> None:
    fixes = [_fix(0, 9, "outer"), _fix(2, 3, "inner"), _fix(10, 11, "last")]
    assert apply_fixes("aabaaaaaa c\n", fixes) == "aainneraaaaaa last\n"


def test_fixes_leave_the_ends_of_lines_alone() -> None:
    assert apply_fixes("a\r\nb\r\n", [_fix(0, 1, "c", line=2)]) == "a\r\nc\r\n"


def test_a_lint_run_wakes_no_matchers_and_makes_no_metadata() -> None:
    # libcst imports its own `libcst.metadata`; what costs is making a wrapper and its providers.
    code = f"""
import sys
import libcst.metadata as metadata
def refuse(*_, **__):
    raise AssertionError("metadata was asked for")
metadata.MetadataWrapper.__init__ = refuse
from torch_perflint.lints.engine import check_source
from torch_perflint.lints.registry import all_rules
assert len(check_source({LOOP!r}, "t.py", all_rules())) == 1
assert "libcst.matchers" not in sys.modules and "libcst.codemod" not in sys.modules
try:
    metadata.MetadataWrapper(None)
except AssertionError:
    print("refused")
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "refused\n"


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_file_of_the_room_imports_metadata_or_matchers() -> None:
    imported = {name for file in ROOM.rglob("*.py") for name in _imported(file)}
    assert "libcst._nodes.internal.CodegenState" in imported, "the test sees imports at all"
    assert not any(name.startswith(("libcst.metadata", "libcst.matchers")) for name in imported)


def _spans(source: str) -> set[tuple[str, int, int, int, int]]:
    """The spans of names, calls and attributes as libcst's own provider gives them."""
    from libcst.metadata import MetadataWrapper, PositionProvider

    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    return {
        (type(node).__name__, at.start.line, at.start.column, at.end.line, at.end.column)
        for node, at in wrapper.resolve(PositionProvider).items()
        if isinstance(node, cst.BaseExpression | cst.BaseStatement)
    }


SOURCES = [*ROOM.rglob("*.py")]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.name)
def test_positions_are_those_of_libcst(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    module = cst.parse_module(source)
    ours = Positions(module)
    found = set()
    stack: list[cst.CSTNode] = [module]
    while stack:
        node = stack.pop()
        stack += node.children
        if isinstance(node, cst.BaseExpression | cst.BaseStatement):
            at = ours.span(node)
            found.add((type(node).__name__, at.line, at.column, at.end_line, at.end_column))
    assert found == _spans(source)


NAMES = st.sampled_from(["a", "b", "loss", "self.x", "out[0]", "d['k']", "total"])
VALUES = st.recursive(
    st.one_of(NAMES, st.sampled_from(["1", "model(a)", "torch.zeros(3)", "None", "'text'"])),
    lambda inner: st.one_of(
        st.builds("{} + {}".format, inner, inner),
        st.builds("f({}, {})".format, inner, inner),
        st.builds("({}).sum()".format, inner),
        st.builds("[v.item() for v in {}]".format, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
    ),
    max_leaves=6,
)
LINES = st.one_of(
    st.builds("{} = {}".format, NAMES, VALUES),
    st.builds("{} += {}".format, NAMES, VALUES),
    st.builds("if {}: {} = {}".format, VALUES, NAMES, VALUES),
    st.builds("print(float({}), ({}).item())".format, VALUES, VALUES),
    st.builds("total, a = {}, {}".format, VALUES, VALUES),
    st.just("loss.backward()"),
    st.just("optimizer.step()"),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=12))
def test_any_training_loop_is_read_without_a_problem(lines: list[str]) -> None:
    body = "".join(f"    {line}\n" for line in lines)
    result = lint_source(f"import torch\nfor a, b in loader:\n{body}", "t.py", all_rules())
    assert result.problems == ()


def test_many_names_that_depend_on_each_other_are_read_in_no_time() -> None:
    """Without remembering answers, each more name would double the time."""
    names = [f"x{number}" for number in range(60)]
    body = "".join(
        f"    {a} = {b} + {b} * {c}\n" for a, b, c in zip(names, names[1:], names[2:], strict=False)
    )
    source = f"import torch\nfor batch in loader:\n{body}    x0.backward()\n    print(x0.item())\n"
    assert [f.code for f in check_source(source, "t.py", all_rules())] == ["PFL101"]
