"""Fingerprints stay the same while lines move, and differ where code differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch_perflint.lints.finding import Finding, Severity, Span
from torch_perflint.lints.fingerprint import fingerprints

STEP = """\
for x, y in loader:
    loss = criterion(model(x), y)
    log(step, loss.item())
    total += loss.item()
"""


def flag(source: str, *words: str, code: str = "PFL101", path: str = "train.py") -> list[Finding]:
    """One finding for each place where a word stands."""
    found = []
    for number, line in enumerate(source.split("\n"), 1):
        for word in words:
            column = line.find(word)
            while column >= 0:
                span = Span(number, column, number, column + len(word))
                found.append(Finding(path, span, code, "item-in-hot-path", "waits"))
                column = line.find(word, column + 1)
    return found


def named(source: str, findings: list[Finding]) -> list[str]:
    of_all = fingerprints(findings, lambda path: source.split("\n"))
    return [of_all[finding] for finding in findings]


def prints(source: str, word: str = "loss.item()") -> list[str]:
    return named(source, flag(source, word))


def test_lines_above_and_below_change_nothing() -> None:
    moved = '"""A page."""\nimport torch\n\n\n' + STEP + "save(model)\n"
    assert prints(moved) == prints(STEP)


@pytest.mark.parametrize(
    "changed",
    [
        STEP.replace("    ", "\t"),
        STEP.replace("log(step, loss.item())", "log(\n        step,\n        loss.item(),\n    )"),
        STEP.replace("log(step, loss.item())", "log(step,\\\n        loss.item())"),
        STEP.replace("total += loss.item()", "total  +=  loss.item()   # why, (of all"),
        STEP.replace("    log", "    # what (it says\n\n    log"),
        "s = '''\n(\n'''\n" + STEP,
        's = "it\'s ("\n' + STEP,
        "s = r'\\'; t = '\\\\'\n" + STEP,
        "s = 'don\\'t ('\n" + STEP,
    ],
)
def test_layout_and_comments_change_nothing(changed: str) -> None:
    assert changed != STEP
    assert prints(changed) == prints(STEP)


@pytest.mark.parametrize(
    "changed",
    [
        STEP.replace("log(step, ", "log(epoch, "),
        STEP.replace("log(step, loss.item())", "log(step, '#', loss.item())"),
    ],
)
def test_another_statement_is_another_finding(changed: str) -> None:
    assert prints(changed)[0] != prints(STEP)[0]
    assert prints(changed)[1] == prints(STEP)[1]


def test_rule_and_path_count_and_the_words_do_not() -> None:
    [one] = flag("loss.item()", "loss.item()")
    [other_rule] = flag("loss.item()", "loss.item()", code="PFL102")
    [elsewhere] = flag("loss.item()", "loss.item()", path="other.py")
    worse = Finding(one.path, one.span, one.code, one.rule, "other words", Severity.ERROR)
    first, second, third, same = (
        named("loss.item()", [f])[0] for f in (one, other_rule, elsewhere, worse)
    )
    assert len({first, second, third}) == 3
    assert same == first


def test_equal_lines_are_numbered_and_keep_their_numbers() -> None:
    twice = STEP + "    total += loss.item()\n"
    assert len(set(prints(twice))) == 3
    assert prints(twice)[:2] == prints(STEP)


def test_two_places_in_one_statement_are_told_apart_by_what_they_flag() -> None:
    both = "log(a.item(), b.item())"
    [first, second] = named(both, flag(both, "a.item()", "b.item()"))
    assert first != second
    [alone] = named(both, flag(both, "b.item()"))
    assert alone == second


def test_the_order_in_which_findings_come_does_not_matter() -> None:
    findings = flag(STEP, "loss.item()")
    assert fingerprints(findings, lambda _: STEP.split("\n")) == fingerprints(
        findings[::-1], lambda _: STEP.split("\n")
    )


def test_a_file_that_is_gone_still_gives_fingerprints() -> None:
    findings = flag(STEP, "loss.item()")
    assert len(set(fingerprints(findings, lambda path: []).values())) == 2


@given(st.text(alphabet="ab'\"\\#([{}]),\n ", max_size=80), st.integers(1, 9))
def test_any_text_gives_a_fingerprint(source: str, line: int) -> None:
    finding = Finding("a.py", Span(line, 0, line, 3), "PFL101", "item-in-hot-path", "waits")
    [name] = named(source, [finding])
    assert len(name) == 20


@pytest.mark.parametrize("piece", ["'\\", '"""\\', "'", '"""', "(", "\\\n", "#", "'''x"])
def test_no_text_takes_longer_than_its_length(piece: str) -> None:
    """A search that starts anew at each quote would need minutes for this."""
    finding = Finding("a.py", Span(1, 0, 1, 1), "PFL101", "item-in-hot-path", "waits")
    assert len(named(piece * 200_000, [finding])[0]) == 20
