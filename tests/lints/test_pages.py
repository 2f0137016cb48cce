"""The pages of rules: what they say, where they are written, and that those are current."""

import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import cmarkgfm
import pytest
from torch_perflint import PerflintError
from torch_perflint.__main__ import main
from torch_perflint.lints import pages, rule_docs
from torch_perflint.lints.meta_rule import cause_heading
from torch_perflint.lints.pages import fix_kind, has_fix, page, section
from torch_perflint.lints.registry import all_rules, find
from torch_perflint.lints.rule import Rule
from torch_perflint.lints.show_page import shown

WRITTEN = Path(__file__).parent.parent.parent / "docs" / "rules"
RULES = all_rules()


def _stale(folder: Path, files: dict[str, str]) -> set[str]:
    """Names of pages that are missing, out of date, or of no rule."""
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return {name for name in there.keys() | files.keys() if there.get(name) != files.get(name)}


def test_the_written_pages_are_those_of_the_rules() -> None:
    stale = _stale(WRITTEN, rule_docs.documentation(RULES))
    assert not stale, f"run `make docs`, which rewrites docs/rules ({', '.join(sorted(stale))})"


def test_a_page_that_is_not_current_would_be_seen(tmp_path: Path) -> None:
    files = rule_docs.documentation(RULES)
    rule_docs.write(RULES, tmp_path)
    assert _stale(tmp_path, files) == set()
    (tmp_path / "index.md").write_text("# Rules\nold\n")
    (tmp_path / "of-no-rule.md").write_text("# of-no-rule (PFL199)\n")
    (tmp_path / "host-copy.md").unlink()
    assert _stale(tmp_path, files) == {"index.md", "of-no-rule.md", "host-copy.md"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name())
def test_a_page_states_what_the_rule_is_before_it_explains(rule: type[Rule]) -> None:
    lines = page(rule).splitlines()
    assert lines[0] == f"# {rule.name()} ({rule.code})"
    default = "off until it is selected (preview)" if rule.preview else "on by default"
    default = "only where its code or name is selected" if rule.opt_in else default
    assert lines[2].startswith(f"Severity: {rule.severity.value}. Runs: {default}. Fix: ")
    assert lines[4].startswith(rule.pattern().split("\n")[0])
    assert section(rule, cause_heading(rule))
    assert section(rule, "No such heading") == ""
    assert (fix_kind(rule) == "none") != has_fix(rule)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name())
def test_a_page_is_markdown_with_each_example_as_code(rule: type[Rule]) -> None:
    html = cmarkgfm.github_flavored_markdown_to_html(page(rule))
    assert html.count("<h1>") == 1
    # Each heading is one, though no empty line stands behind it, and each example is closed.
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    assert headings[0] == cause_heading(rule)
    assert headings[-2:] == ["Flagged", "Fine"]
    assert html.count('<pre lang="python">') == page(rule).count("```") / 2
    assert "# &lt;-" in html


def test_the_index_has_every_rule_once_with_a_link_to_its_page() -> None:
    index = rule_docs.index(RULES)
    assert re.findall(r"\[.*?\]\((.*?)\)", index) == [f"{rule.name()}.md" for rule in RULES]
    html = cmarkgfm.github_flavored_markdown_to_html(index)
    assert html.count("<tr>") == len(RULES) + index.count("## ")


def test_preview_rules_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    class Early(find(RULES, "PFL501")):  # type: ignore[misc]
        __doc__ = find(RULES, "PFL501").__doc__
        code = "PFL599"
        preview = True

    assert "Runs: off until it is selected (preview)." in page(Early)
    assert "| warning | preview | none |" in rule_docs.index([Early])
    assert "1 rules, 0 of them on by default" in rule_docs.index([Early])
    assert "  preview  " in rule_docs.as_text([Early])
    assert '"preview": true' in rule_docs.as_json([Early])


def test_pages_are_written_into_a_folder_and_old_ones_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "docs" / "rules"
    words = ["rules", "--output-format", "markdown", "--into", str(folder)]
    assert main(words) == 0
    assert capsys.readouterr().out == f"{len(RULES) + 1} pages in {folder}\n"
    (folder / "gone.md").write_text("# gone (PFL100)\n")
    (folder / "notes.md").write_text("# Our notes\n")
    assert main(words) == 0
    assert not (folder / "gone.md").exists()
    assert (folder / "notes.md").exists()


def test_an_index_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text("# Our project\n")
    with pytest.raises(PerflintError, match="is no index of rules"):
        rule_docs.write(RULES, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.md"]


def test_into_wants_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["rules", "--into", "somewhere"])
    assert stopped.value.code == 2
    assert "--output-format markdown" in capsys.readouterr().err


def test_a_terminal_shows_a_page_without_marks() -> None:
    text = page(find(RULES, "graph-retention"))
    assert shown(text, coloured=False) == text
    painted = shown(text, coloured=True)
    for mark in ("```", "## ", "# <-", "`total"):
        assert mark in text
        assert mark not in painted
    assert "\x1b[1mWhy it is slow\x1b[0m" in painted
    assert "\n    import torch\n" in painted


def test_explain_follows_the_wish_for_colours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["explain", "PFL601"]) == 0
    assert capsys.readouterr().out.startswith("\x1b[1mgraph-retention (PFL601)\x1b[0m\n")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The addresses that the package gives."""
    addresses: list[str] = []
    stand_in = Message()
    stand_in.get_all = lambda name: addresses  # type: ignore[method-assign, assignment]
    monkeypatch.setattr("importlib.metadata.metadata", lambda name: stand_in)
    pages._published.cache_clear()
    yield addresses
    pages._published.cache_clear()


def test_links_lead_to_where_the_package_says_that_the_pages_are(told: list[str]) -> None:
    told += ["Source, https://code.example", "Rules, https://rules.example/pages/"]
    assert pages.address(find(RULES, "PFL101")) == "https://rules.example/pages/item-in-hot-path.md"


def test_where_the_package_says_nothing_there_is_no_link(told: list[str]) -> None:
    told += ["Source, https://code.example"]
    assert pages.address(find(RULES, "PFL101")) is None
