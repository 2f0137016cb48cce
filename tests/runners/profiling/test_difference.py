"""How the profiles of two sides differ."""

import pytest
from torch_perflint.runners.profiling.difference import diff_profiles, match_lines
from torch_perflint.runners.profiling.profile import (
    LineChange,
    LineCost,
    LineTime,
    ModuleChange,
    ModuleTime,
    OperatorTime,
    PartChange,
    PartTime,
    ProfileChange,
    ProfileSummary,
    scaled,
)
from torch_perflint.runners.verdict.stats import t_quantile

BASE = "a = 1\nb = 2\nc = 3\n"


def summary(
    operators: dict[str, tuple[float, float]] | None = None, lines: dict[int, float] | None = None
) -> ProfileSummary:
    """`operators` maps names to milliseconds and calls; `lines` are those of net.py."""
    return ProfileSummary(
        1,
        tuple(OperatorTime(name, *times) for name, times in (operators or {}).items()),
        tuple(LineTime("net.py", line, ms) for line, ms in (lines or {}).items()),
    )


def diff(
    base: ProfileSummary, head: ProfileSummary, head_text: str = BASE, **options: int
) -> ProfileChange:
    return diff_profiles(base, head, lambda path: (BASE, head_text), **options)


@pytest.mark.parametrize(
    ("head", "origins"),
    [
        (BASE, {1: 1, 2: 2, 3: 3}),
        ("new\n" + BASE, {2: 1, 3: 2, 4: 3}),
        ("a = 1\nc = 3\n", {1: 1, 2: 3}),
        ("a = 1\nb = 20\nc = 3\n", {1: 1, 3: 3}),
        ("", {}),
        (BASE.replace("\n", "\r\n"), {1: 1, 2: 2, 3: 3}),
    ],
)
def test_lines_are_matched_by_their_text(head: str, origins: dict[int, int]) -> None:
    assert match_lines(BASE, head) == origins


def test_lines_are_counted_as_python_counts_them() -> None:
    # A form feed and a Unicode separator inside a line end no line of Python.
    text = "a = 1\n\fb = '\u2028'\nc = 3\n"
    assert match_lines(text, text) == {1: 1, 2: 2, 3: 3}
    line = LineTime("net.py", 3, 9.0)
    none = ProfileSummary(1, (), ())
    change = diff_profiles(none, ProfileSummary(1, (), (line,)), lambda path: ("", text))
    assert change.lines[0].source == "c = 3"


def test_of_the_operators_the_largest_difference_comes_first_whichever_way() -> None:
    base = summary({"mm": (10.0, 2), "add": (5.0, 1), "gone": (3.0, 1), "same": (4.0, 1)})
    head = summary({"mm": (12.0, 2), "add": (1.0, 1), "new": (1.0, 1), "same": (4.0, 1)})
    changes = diff(base, head).operators
    assert [change.name for change in changes] == ["add", "gone", "mm", "new"]
    gone = changes[1]
    assert (gone.base_ms, gone.head_ms, gone.base_calls, gone.head_calls) == (3.0, 0.0, 1, 0.0)


def test_small_differences_are_noise_unless_the_calls_changed() -> None:
    base = summary({"mm": (100.0, 1), "add": (1.0, 1), "copy": (1.0, 1), "sub": (1.0, 1)})
    head = summary({"mm": (100.0, 1), "add": (1.4, 1), "copy": (1.4, 2), "sub": (2.0, 1)})
    assert {change.name for change in diff(base, head).operators} == {"copy", "sub"}


def test_of_the_lines_growth_comes_first_and_what_shrank_last() -> None:
    operators = {"mm": (100.0, 1.0)}
    base = summary(operators, {1: 10.0, 2: 10.0, 3: 10.0})
    head = summary(operators, {1: 2.0, 2: 11.0, 3: 30.0})
    lines = diff(base, head).lines
    assert [(change.line, change.base_ms, change.head_ms) for change in lines] == [
        (3, 10.0, 30.0),
        (2, 10.0, 11.0),
        (1, 10.0, 2.0),
    ]
    assert not any(change.touched for change in lines)
    assert lines[0].source == "c = 3"


def test_a_line_that_only_moved_is_no_change() -> None:
    moved = "# a comment\n" + BASE
    operators = {"mm": (10.0, 1.0)}
    base, head = summary(operators, {3: 10.0}), summary(operators, {4: 10.0})
    assert diff(base, head, moved).lines == ()
    # The positive control: the same time on a line that base does not have is a change.
    assert diff(base, summary(operators, {4: 10.0}), BASE + "d = 4\n").lines != ()


def test_an_edited_line_is_held_against_the_lines_that_it_replaces() -> None:
    operators = {"mm": (20.0, 1.0)}
    base = summary(operators, {2: 9.0})
    head = summary(operators, {2: 8.0, 3: 4.0})
    lines = diff(base, head, "a = 1\nb = slow(2)\nb += 1\nc = 3\n").lines
    assert [(c.line, c.base_ms, c.head_ms, c.touched) for c in lines] == [
        (2, 6.0, 8.0, True),
        (3, 3.0, 4.0, True),
    ]


def test_an_expensive_line_that_was_only_renamed_or_indented_has_not_grown() -> None:
    operators = {"mm": (20.0, 1.0)}
    base, head = summary(operators, {2: 10.0}), summary(operators, {3: 10.0})
    assert diff(base, head, "a = 1\nif a:\n    b = 2\nc = 3\n").lines == ()
    renamed = summary(operators, {2: 10.0})
    assert diff(base, renamed, "a = 1\nbeta = 2\nc = 3\n").lines == ()


def test_a_line_that_the_change_wrote_is_touched() -> None:
    base, head = summary(lines={2: 1.0, 3: 10.0}), summary(lines={2: 7.0, 3: 15.0})
    lines = diff(base, head, "a = 1\nb = slow(2)\nc = 3\n").lines
    assert [(change.line, change.touched) for change in lines] == [(2, True), (3, False)]
    assert lines[0].source == "b = slow(2)"


def test_only_the_most_important_are_kept() -> None:
    head = summary({f"op{n}": (float(n), 1.0) for n in range(1, 20)})
    changes = diff(summary(), head, most=3).operators
    assert [change.name for change in changes] == ["op19", "op18", "op17"]


def test_a_file_that_is_gone_by_now_leaves_the_line_without_text() -> None:
    (line,) = diff(summary(), summary(lines={40: 5.0}), "").lines
    assert (line.source, line.touched, line.base_ms) == ("", True, 0.0)


def test_a_profile_that_adds_up_to_more_than_the_step_is_brought_down_to_it() -> None:
    profile = summary({"mm": (15.0, 1), "add": (5.0, 1)}, {1: 10.0})
    half = scaled(profile, 10.0)
    assert [op.milliseconds for op in half.operators] == [7.5, 2.5]
    assert [line.milliseconds for line in half.lines] == [5.0]
    assert scaled(profile, 30.0) == profile


def steps(mean: float, error: float, *, of: int = 12, lines: bool = False) -> ProfileSummary:
    """A profile in which each step has one operator, or one line, of known error."""
    if lines:
        return ProfileSummary(of, (), (LineTime("net.py", 2, mean, error=error),), rounds=of)
    return ProfileSummary(of, (OperatorTime("mm", mean, 1.0, error),), (), rounds=of)


@pytest.mark.parametrize("lines", [False, True])
def test_what_steps_differ_by_among_themselves_is_no_change(lines: bool) -> None:
    def told(head: float, of: int = 12) -> list[float]:
        found = diff(steps(10, 0.3, of=of, lines=lines), steps(head, 0.4, of=of, lines=lines))
        return [one.head_ms for one in (*found.operators, *found.lines)]

    # 0.5 is the error of the difference, and t(7 degrees of freedom, 97.5 %) is 2.365.
    assert told(11.1) == []
    assert told(11.3) == [11.3]
    assert told(8.7) == [8.7]
    # Of fewer steps less can be said: four have t(3, 97.5 %), which is 3.182.
    assert told(11.3, of=4) == []
    assert told(11.7, of=4) == [11.7]


def test_the_more_operators_are_compared_the_more_one_of_them_has_to_differ() -> None:
    def many(mean: float) -> ProfileSummary:
        rest = (OperatorTime(f"op{number}", 1.0, 1.0, 0.01) for number in range(39))
        return ProfileSummary(12, (OperatorTime("mm", mean, 1.0, 0.5), *rest), (), rounds=12)

    def told(head: float) -> list[str]:
        found = diff_profiles(many(10), many(head), lambda path: ("", ""))
        return [one.name for one in found.operators]

    # t(7 degrees of freedom, 1 - 0.025 / 40) is 5.13, and the error 0.707.
    assert told(13.5) == []
    assert told(13.8) == ["mm"]


def test_a_count_that_differs_is_told_whatever_the_times_err() -> None:
    head = ProfileSummary(12, (OperatorTime("mm", 10.0, 2.0, 9.0),), ())
    [change] = diff(steps(10, 9.0), head).operators
    assert (change.base_calls, change.head_calls) == (1.0, 2.0)


def test_all_parts_are_told_with_their_intervals() -> None:
    def parts(compute: float) -> ProfileSummary:
        told = (PartTime("compute", compute, 0.3), PartTime("unexplained", 1.0, 0.0))
        return ProfileSummary(12, (), (), told, compute + 1, rounds=12)

    found = diff(parts(10), parts(12)).parts
    assert [(one.part, one.base_ms, one.head_ms) for one in found] == [
        ("compute", 10, 12),
        ("unexplained", 1.0, 1.0),
    ]
    # t(7 degrees of freedom, 98.75 %), for two of them.
    assert found[0].within_ms == pytest.approx(2.841 * 0.3 * 2**0.5, rel=1e-3)
    assert found[1] == PartChange("unexplained", 1.0, 1.0, 0.0)


def test_parts_and_lines_are_brought_to_the_step_by_the_clock() -> None:
    line = LineTime("net.py", 1, 8.0, 6.0, 9.0, 0.5)
    profile = ProfileSummary(
        12, (OperatorTime("mm", 6.0, 1.0, 0.1),), (line,), (PartTime("compute", 10.0, 0.2),), 10.0
    )
    at = scaled(profile, 5.0)
    assert at.parts == (PartTime("compute", 5.0, 0.1),)
    assert at.step_ms == 5.0
    assert at.operators == (OperatorTime("mm", 3.0, 1.0, 0.05),)
    assert at.lines == (LineTime("net.py", 1, 4.0, 3.0, 4.5, 0.25),)


def test_what_recording_takes_is_taken_off_where_calls_were_recorded() -> None:
    parts = (PartTime("compute", 6.0, None, 100.0), PartTime("optimizer", 6.0, None, 400.0))
    lines = (
        LineTime("net.py", 1, 6.0, calls=100.0, total=12.0, total_calls=500.0),
        LineTime("net.py", 2, 6.0, calls=400.0),
        LineTime("net.py", 3, 1.0, calls=200.0),
    )
    profile = ProfileSummary(12, (), lines, parts, 12.0, call_ms=0.01)
    at = scaled(profile, 7.0)
    # Each of 500 calls took 0.01 ms longer, and without these a step takes 7 ms.
    assert [part.milliseconds for part in at.parts] == [5.0, 2.0]
    assert [line.milliseconds for line in at.lines] == [5.0, 2.0, 0.0]
    assert at.lines[0].total == 7.0
    # What is left is brought to the clock.
    assert [part.milliseconds for part in scaled(profile, 14.0).parts] == [10.0, 4.0]


def test_the_lines_of_head_that_matter_are_told_with_their_costs() -> None:
    lines = tuple(LineTime("net.py", number, ms) for number, ms in ((1, 0.5), (2, 6.0), (3, 0.009)))
    head = ProfileSummary(8, (), lines, (PartTime("compute", 10.0),), 10.0)
    found = diff(summary(), head)
    assert found.costs == (LineCost("net.py", 2, 6.0), LineCost("net.py", 1, 0.5))
    assert found.head_ms == 10.0
    assert diff(summary(), summary(lines={1: 5.0})).costs == ()


def test_a_line_that_calls_what_takes_longer_is_told_behind_many_that_take_it() -> None:
    text = "".join(f"x{number} = {number}\n" for number in range(1, 16))
    head_text = text.replace("x15 = 15\n", "x15 = call()\n")
    before = tuple(LineTime("net.py", number, 1.0, total=1.0) for number in range(1, 16))
    after = tuple(
        LineTime("net.py", number, 3.0 - number / 10, total=2.0) for number in range(1, 15)
    )
    calling = LineTime("net.py", 15, 1.0, total=20.0)
    found = diff_profiles(
        ProfileSummary(1, (), before),
        ProfileSummary(1, (), (*after, calling)),
        lambda path: (text, head_text),
    )
    assert len(found.lines) == 11
    last = found.lines[-1]
    assert (last.line, last.touched, last.head_total_ms) == (15, True, 20.0)


def layers(kinds: list[str], own: float) -> list[ModuleTime]:
    return [
        ModuleTime(f"Net.layers.{n}", kind, own, own, own, 2 * own, error=0.01)
        for n, kind in enumerate(kinds)
    ]


def of_modules(*modules: ModuleTime) -> ProfileSummary:
    operators = (OperatorTime("mm", 10.0, 1.0),)
    return ProfileSummary(16, operators, (), step_ms=10.0, rounds=8, modules=modules)


def test_modules_that_differ_are_told_with_equal_layers_together() -> None:
    base = of_modules(*layers(["Block", "Block"], 1.0), ModuleTime("Net.head", "Linear", 1.0))
    gone = ModuleTime("Net.old", "Old", 0.5, error=0.0)
    head = of_modules(*layers(["Block", "Block"], 1.5), ModuleTime("Net.head", "Linear", 1.01))
    change = diff(of_modules(*base.modules, gone), head)
    blocks, old = change.modules
    # Two layers err together by 0.02 on each side; three names are compared, in eight rounds.
    assert blocks.within_ms == pytest.approx(t_quantile(1 - 0.05 / 2 / 3, 5) * 2**0.5 * 0.02)
    assert (blocks.name, blocks.kind, blocks.count) == ("Net.layers.*", "Block", 2)
    assert (blocks.base_ms, blocks.head_ms) == (4.0, 6.0)
    assert (blocks.base_total_ms, blocks.head_total_ms) == (6.0, 9.0)
    assert (old.name, old.base_ms, old.head_ms, old.count) == ("Net.old", 0.5, 0.0, 0)


def test_a_module_that_differs_by_no_more_than_the_profile_errs_is_not_told() -> None:
    base = of_modules(ModuleTime("Net", "Net", 1.0, error=0.3))
    head = of_modules(ModuleTime("Net", "Net", 1.5, error=0.3))
    assert diff(base, head).modules == ()


def test_layers_that_one_side_has_of_several_classes_are_compared_one_by_one() -> None:
    base, head = layers(["Block", "Block"], 1.0), layers(["Block", "Other"], 2.0)
    assert diff(of_modules(*base), of_modules(*head)).modules[0] == ModuleChange(
        "Net.layers.1", "Other", 0.0, 4.0, 0.0, 6.0, 1, pytest.approx(0.05, rel=0.9)
    )


def _renamed(growth: float, error: float) -> list[LineChange]:
    """The changes of three lines that are edited alike and take so much longer together."""
    before = "a = f(x)\nb = g(a)\nc = h(b)\nother\n"
    after = "u = f(x)\nv = g(u)\nw = h(v)\nother\n"

    def side(grown: float) -> ProfileSummary:
        lines = [
            LineTime("net.py", number, 2.0 * number * grown, error=error, total_error=error)
            for number in (1, 2, 3)
        ]
        operators = (OperatorTime("mm", 12.0, 3.0, 0.01),)
        return ProfileSummary(16, operators, tuple(lines), step_ms=12.0, rounds=8)

    change = diff_profiles(side(1.0), side(1 + growth), lambda path: (before, after))
    return list(change.lines)


def test_lines_that_are_only_renamed_do_not_differ_by_noise() -> None:
    """What they replace is shared out: what they err by is known of them all together."""
    # Half a millisecond of twelve, where each line errs by 0.15 ms: 0.37 ms for six of them.
    assert _renamed(0.04, error=0.15) == []
    told = _renamed(0.04, error=0.02)
    assert [line.line for line in told] == [3, 2, 1]
    assert sum(line.head_ms - line.base_ms for line in told) == pytest.approx(0.48)


def test_a_line_that_replaces_one_has_the_error_of_both() -> None:
    def side(milliseconds: float) -> ProfileSummary:
        line = LineTime("net.py", 1, milliseconds, error=0.1, total_error=0.1)
        operators = (OperatorTime("mm", 5.0, 1.0, 0.01),)
        return ProfileSummary(16, operators, (line,), step_ms=5.0, rounds=8)

    def lines(growth: float) -> int:
        source = ("a = f(x)\n", "b = f(x)\n")
        return len(diff_profiles(side(5.0), side(5.0 + growth), lambda path: source).lines)

    # Student's with 5 degrees of freedom, 2.57 times the square root of two tenths of a tenth.
    assert lines(0.35) == 0
    assert lines(0.38) == 1


def test_what_lines_take_with_all_they_call_is_shared_out_by_that() -> None:
    """Both lines are edited, and the second one calls nearly all of the step, as it did before."""
    lines = tuple(
        LineTime("net.py", number, 1.0, total=total, error=0.01, total_error=0.01)
        for number, total in ((1, 1.0), (2, 9.0))
    )
    side = ProfileSummary(16, (OperatorTime("mm", 9.0, 1.0, 0.01),), lines, step_ms=10.0, rounds=8)
    source = ("a = f(x)\nb = g(a)\n", "u = f(x)\nv = g(u)\n")
    assert diff_profiles(side, side, lambda path: source).lines == ()


def test_lines_that_move_to_another_file_are_what_they_were_there() -> None:
    def side(path: str, *lines: int) -> ProfileSummary:
        times = tuple(LineTime(path, line, 3.0, total=3.0) for line in lines)
        return ProfileSummary(16, (OperatorTime("mm", 6.0, 1.0),), times, step_ms=9.0, rounds=8)

    moved = "def norm(x):\n    y = x.double()\n    return y / y.norm()\n"
    files = {"net.py": (f"a = 1\n{moved}", "a = 1\n"), "norms.py": ("", f"import torch\n\n{moved}")}
    base, head = side("net.py", 3, 4), side("norms.py", 4, 5)
    assert diff_profiles(base, head, files.__getitem__).lines == ()
    # Not where they stand in both: then they are done twice.
    both = {**files, "net.py": (f"a = 1\n{moved}", f"a = 1\n{moved}")}
    told = diff_profiles(base, head, both.__getitem__).lines
    assert [(line.path, line.line, line.base_ms) for line in told] == [
        ("norms.py", 4, 0.0),
        ("norms.py", 5, 0.0),
    ]
