"""`-k`: one that fits no perf test is an error, one that fits an unaffected test is not."""

from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.__main__ import main
from torch_perflint.runners.config import RunnersConfig
from torch_perflint.runners.selection.keyword import fits_by_name
from torch_perflint.runners.selection.reasons import PerfFile

from ..runs import PYTEST, perf_file, run

GPT = perf_file("import gpt\n@pytest.mark.perf\ndef test_gpt(perf): perf(gpt.step)\n")
TYPO = perf_file("import gpt\ndef test_typo(perf): perf(gpt.step)\n")
STEP = "def step(): return {}\n"


@pytest.mark.parametrize(
    ("keyword", "fits"),
    [
        ("gpt", True),
        ("GPT", True),
        ("cnn", False),
        ("not gpt", False),
        ("not", False),
        ("8", False),
    ],
)
def test_a_plain_word_is_looked_up_without_pytest(keyword: str, fits: bool) -> None:
    assert fits_by_name(keyword, [PerfFile("test_a.py", ("test_gpt", "test_nothing"))]) is fits
    # It may be no perf test at all.
    assert not fits_by_name(keyword, [PerfFile("test_a.py", ("test_gpt",), unmarked=("test_gpt",))])


@pytest.mark.torch
@pytest.mark.parametrize("changed", ["gpt.py", "README.md"])
def test_a_keyword_that_fits_nothing_is_an_error(changed: str, repo: Any, quick: None) -> None:
    repo.commit({"pyproject.toml": PYTEST, "gpt.py": STEP.format(1), "test_gpt.py": GPT})
    repo.commit({changed: STEP.format(2)})
    said = "-k 'gtp' fits no perf test on either side; there is test_gpt$"
    with pytest.raises(PerflintError, match=said):
        run(repo, keyword="gtp")


@pytest.mark.torch
@pytest.mark.slow
def test_a_keyword_that_fits_an_unaffected_test_is_none(repo: Any, quick: None) -> None:
    test = GPT.replace("def test_gpt", "@pytest.mark.parametrize('size', [64])\ndef test_gpt")
    test = test.replace("(perf)", "(perf, size)")
    repo.commit({"pyproject.toml": PYTEST, "gpt.py": STEP.format(1), "test_gpt.py": test})
    repo.commit({"README.md": "hello"})
    for keyword in ("gpt", "64", "not 65"):
        assert run(repo, keyword=keyword).tests == ()
    cnn = "\n@pytest.mark.perf\ndef test_cnn(perf): perf(gpt.step)\n"
    repo.commit({"test_gpt.py": test + cnn})
    repo.commit({"README.md": "again"})
    said = "fits no perf test on either side; there are test_cnn, test_gpt; the nearest is test_gpt"
    with pytest.raises(PerflintError, match=said):
        run(repo, keyword="gtp")
    with pytest.raises(PerflintError, match="pytest does not accept its command line"):
        run(repo, keyword="a (b")


@pytest.mark.torch
def test_where_pytest_cannot_look_nothing_is_claimed(repo: Any, quick: None) -> None:
    files = {"conftest.py": "import nothing_like_it\n", "gpt.py": "", "test_gpt.py": GPT}
    repo.commit({"pyproject.toml": PYTEST, **files})
    repo.commit({"README.md": "hello"})
    (note,) = run(repo, keyword="gtp").notes
    assert note.startswith("whether -k 'gtp' fits a perf test cannot be told, since pytest could")


@pytest.mark.torch
@pytest.mark.slow
def test_a_test_without_the_mark_is_named(repo: Any, quick: None) -> None:
    repo.commit({"pyproject.toml": PYTEST, "gpt.py": STEP.format(1), "test_gpt.py": GPT})
    own = perf_file(
        "@pytest.fixture\ndef perf(): return 1\ndef test_own(perf): pass\n"  # another `perf`
    )
    repo.commit({"gpt.py": STEP.format(2), "test_typo.py": TYPO, "test_own.py": own})
    result = run(repo)
    assert [note for note in result.notes if "not marked" in note] == [
        "test_typo takes `perf` but is not marked `@pytest.mark.perf`"
    ]
    assert not any("pytest collected no perf test test_typo" in note for note in result.notes)
    with pytest.raises(PerflintError, match="either side: test_typo takes `perf` but is not mark"):
        run(repo, keyword="typo")
    repo.commit({"README.md": "hello"})
    with pytest.raises(PerflintError, match="either side: test_typo takes `perf` but is not mark"):
        run(repo, keyword="typo")


@pytest.mark.torch
def test_a_new_test_file_that_cannot_be_read_does_not_end_well(
    repo: Any, quick: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.commit({"pyproject.toml": PYTEST, "gpt.py": STEP.format(1), "perf/test_gpt.py": GPT})
    repo.write({"perf/test_bad.py": "def broken(:\n"})
    monkeypatch.chdir(repo.root)
    assert main(["bench", "--base", "main"]) == 2
    out = capsys.readouterr().out
    assert "note: perf/test_bad.py cannot be read: invalid syntax (line 1)" in out
    assert out.endswith("0 of 1 perf test affected by this change\n")


@pytest.mark.torch
def test_a_perf_test_that_no_longer_parses_is_not_called_removed(repo: Any, quick: None) -> None:
    repo.commit({"pyproject.toml": PYTEST, "gpt.py": STEP.format(1), "test_gpt.py": GPT})
    repo.commit({"test_gpt.py": GPT + "def broken(:\n"})
    result = run(repo)
    assert not any("removes the perf test" in note for note in result.notes)
    assert any("test_gpt.py cannot be read: invalid syntax (line 5)" in n for n in result.notes)
    assert any(test.is_regression for test in result.tests)


@pytest.mark.torch
def test_a_folder_of_perf_tests_that_is_not_there_names_the_nearest(repo: Any) -> None:
    repo.commit({"pyproject.toml": PYTEST, "gpt.py": "", "perf_tests/test_gpt.py": GPT})
    repo.commit({"gpt.py": "x = 1\n"})
    said = "no 'perf_test' on either side; the nearest is 'perf_tests'"
    with pytest.raises(PerflintError, match=said):
        run(repo, config=RunnersConfig(paths=("perf_test",)))


@pytest.mark.torch
def test_a_change_of_our_own_settings_runs_nothing(repo: Any) -> None:
    ours = "[tool.perflint.runners]\nmin_effect = {}\n"
    repo.commit({"pyproject.toml": PYTEST + ours.format(0.02), "test_gpt.py": GPT})
    repo.commit({"pyproject.toml": PYTEST + ours.format(0.05)})
    assert run(repo).selection.affected == 0
    repo.commit({"pyproject.toml": PYTEST.replace("'.'", "'src'") + ours.format(0.05)})
    assert run(repo).selection.affected == 1
