"""What a project declares, read as pip reads it, but for the project itself."""

from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.runners.sides.requirements import is_url, name_of, read_declared

USUAL = ("requirements.txt", ".")


def lines(root: Path, files: dict[str, str], *sources: str) -> list[str]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return list(read_declared(root, sources or USUAL).lines)


def test_comments_spaces_and_continued_lines_are_read_as_pip_does(tmp_path: Path) -> None:
    text = (
        "# numpy==1\n\n  numpy >=  1.26  # why\nfoo @ https://x.test/foo.zip#egg=foo\n"
        "torch==2.13.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "--extra-index-url https://x.test/simple\nbar ; python_version < '3.12'\n"
        "last \\\n# a comment ends it\n"
    )
    assert lines(tmp_path, {"requirements.txt": text}) == [
        "numpy >= 1.26",
        "foo @ https://x.test/foo.zip#egg=foo",
        "torch==2.13.0 --hash=sha256:aa --hash=sha256:bb",
        "--extra-index-url https://x.test/simple",
        "bar ; python_version < '3.12'",
        "last",
    ]


@pytest.mark.parametrize("option", ["-r more/a.txt", "--requirement=more/a.txt", "-rmore/a.txt"])
def test_included_files_count_from_the_file_that_includes_them(tmp_path: Path, option: str) -> None:
    files = {
        "requirements.txt": f"{option}\n-c limits.txt\nnumpy\n",
        "more/a.txt": "-r b.txt\nfoo\n",
        "more/b.txt": "-r ../requirements.txt\nbar\n",
        "limits.txt": "numpy<2\n",
    }
    assert lines(tmp_path, files) == ["bar", "foo", "numpy"]
    declared = read_declared(tmp_path, USUAL)
    assert declared.constraints == ("numpy<2",)
    assert declared.by_file["more/b.txt"] == {"bar"}
    assert declared.by_file["limits.txt"] == {"-c numpy<2"}


PROJECT = """
[project]
name = "Mini.Train"
dependencies = ["torch>=2", "numpy"]
optional-dependencies = { train = ["tqdm"], all = ["mini-train[train]", "rich"], dev = ["ruff"] }
"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (".", ["torch>=2", "numpy"]),
        (".[train]", ["torch>=2", "numpy", "tqdm"]),
        (".[ALL]", ["torch>=2", "numpy", "tqdm", "rich"]),
        (".[train, dev]", ["torch>=2", "numpy", "tqdm", "ruff"]),
    ],
)
def test_extras_of_the_project_are_followed(
    tmp_path: Path, source: str, expected: list[str]
) -> None:
    assert lines(tmp_path, {"pyproject.toml": PROJECT}, source) == expected


@pytest.mark.parametrize(
    "line", ["-e .", ".", "--editable=.", "./", "file:.", "mini_train", "Mini-Train==1.0"]
)
def test_the_project_itself_is_never_installed(tmp_path: Path, line: str) -> None:
    """An installed copy, editable above all, would be what both sides import."""
    files = {"pyproject.toml": PROJECT, "requirements.txt": f"{line}\nfoo\n"}
    assert lines(tmp_path, files, "requirements.txt") == ["torch>=2", "numpy", "foo"]


def test_packages_of_a_monorepo_are_replaced_by_what_they_need(tmp_path: Path) -> None:
    files = {
        "requirements.txt": "-e ./libs/one[gpu]\n./wheels/two-1-py3-none-any.whl\n",
        "libs/one/pyproject.toml": '[project]\nname = "one"\ndependencies = ["foo"]\n'
        'optional-dependencies = { gpu = ["bar"] }\n',
    }
    assert lines(tmp_path, files) == ["foo", "bar", "./wheels/two-1-py3-none-any.whl"]


def test_dependencies_that_setuptools_takes_from_a_file_are_read(tmp_path: Path) -> None:
    project = (
        '[project]\nname = "x"\ndynamic = ["dependencies"]\n'
        '[tool.setuptools.dynamic]\ndependencies = { file = ["req.in"] }\n'
    )
    assert lines(tmp_path, {"pyproject.toml": project, "req.in": "foo\n"}) == ["foo"]


def test_what_is_not_there_or_cannot_be_read_declares_nothing(tmp_path: Path) -> None:
    assert lines(tmp_path, {}) == []
    assert lines(tmp_path, {"pyproject.toml": "[project", "requirements.txt": "-r gone.txt"}) == []


def test_a_file_outside_the_repository_is_refused(tmp_path: Path) -> None:
    """What it says might end up in a public comment."""
    (tmp_path / "secret.txt").write_text("s3cret\n")
    root = tmp_path / "root"
    with pytest.raises(PerflintError, match="outside the repository"):
        lines(root, {"requirements.txt": "-r ../secret.txt\n"})
    (root / "requirements.txt").unlink()
    (root / "requirements.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(PerflintError, match="outside the repository"):
        read_declared(root, USUAL)


@pytest.mark.parametrize(
    ("line", "name", "url"),
    [
        ("Foo_Bar[x]>=1", "foo-bar", False),
        ("foo ; sys_platform == 'linux'", "foo", False),
        ("foo @ git+https://x.test/foo@abc", "foo", True),
        ("git+https://x.test/foo@abc#egg=Foo", "foo", True),
        ("-e git+https://x.test/foo@abc#egg=foo", "foo", True),
        ("https://x.test/foo-1-py3-none-any.whl", None, True),
        ("./wheels/foo-1-py3-none-any.whl", None, True),
        ("--extra-index-url https://x.test/simple", None, False),
    ],
)
def test_names_and_urls(line: str, name: str | None, url: bool) -> None:
    assert (name_of(line), is_url(line)) == (name, url)
