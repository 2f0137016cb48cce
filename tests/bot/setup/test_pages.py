"""What the pages on setting up and on hardening say is there."""

import ast
import re

import pytest

from .written import FORMS, ROOT, files, parse

HARDENING = (ROOT / "docs" / "hardening.md").read_text(encoding="utf-8")
ACTIONS = (ROOT / "docs" / "actions.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", HARDENING)))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_every_test_that_is_named_exists(file: str, test: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert not test or test in names


def test_every_threat_has_something_that_shows_it() -> None:
    rows = re.findall(r"^\| T\d+ \|.*$", HARDENING, re.MULTILINE)
    assert [row.split(" | ")[0] for row in rows] == [f"| T{number}" for number in range(1, 19)]
    assert all("`tests/" in row or "`docs/" in row for row in rows)


def test_every_option_is_on_the_page() -> None:
    pytest.importorskip("jinja2")
    from torch_perflint.bot.init import _parser

    options = {word for action in _parser()._actions for word in action.option_strings}
    missing = {one for one in options if one.startswith("--") and one not in ACTIONS} - {"--help"}
    assert missing == set()


def test_every_command_of_the_action_is_on_the_page() -> None:
    action = (ROOT / "action.yml").read_text(encoding="utf-8")
    commands = re.findall(r"^ +(\w+(?: \| \w+)+)\)$", action, re.MULTILINE)
    known = {word for line in commands for word in line.split(" | ")}
    assert known == {"lint", "report", "command", "measure", "ci"}
    assert all(f"| `{one}` |" in ACTIONS for one in known)


def test_every_workflow_is_on_the_page() -> None:
    for wanted in files(FORMS["action"]):
        if wanted.path.suffix == ".yml":
            assert f"| `{wanted.path.name}` |" in ACTIONS
            assert parse(wanted.text)["name"]


def test_actions_in_the_page_are_those_that_are_written() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    written = "".join(one.text for one in files(FORMS["action"]))
    for page in (ACTIONS, readme):
        for pinned in re.findall(r"actions/[\w-]+@\w{40} # v\S+", page):
            assert pinned in written
