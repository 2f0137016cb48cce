"""Which files are read, and how."""

import os
from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.lints.check import check_paths
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.files import (
    UnreadableError,
    excluded,
    is_python,
    python_files,
    read_source,
)


def _make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x = 1\n")


def _found(root: Path, *exclude: str) -> list[str]:
    return [file.relative_to(root).as_posix() for file in python_files([root], exclude, root)]


def test_a_folder_is_walked_for_python_files_in_order(tmp_path: Path) -> None:
    _make(tmp_path, "b.py", "a/z.py", "a/notes.txt", "a/deep/er.pyw", "data.json")
    assert _found(tmp_path) == ["b.py", "a/z.py", "a/deep/er.pyw"]


def test_hidden_folders_environments_and_packages_of_others_are_skipped(tmp_path: Path) -> None:
    _make(tmp_path, ".git/x.py", ".venv/x.py", "node_modules/x.py", "env/x.py", "env/pyvenv.cfg")
    _make(tmp_path, "kept/x.py", "__pycache__/x.py")
    assert _found(tmp_path) == ["kept/x.py"]


def test_excludes_fit_names_at_any_depth_or_whole_paths(tmp_path: Path) -> None:
    _make(tmp_path, "demo/a.py", "src/demo/b.py", "src/c_pb2.py", "src/d.py")
    assert _found(tmp_path, "demo", "*_pb2.py") == ["src/d.py"]
    assert _found(tmp_path, "/demo/") == ["src/c_pb2.py", "src/d.py"]
    assert _found(tmp_path, "src/**") == ["demo/a.py"]


@pytest.mark.parametrize(
    ("path", "glob", "fits"),
    [
        ("a/b/c.py", "a/*/c.py", True),
        ("a/b/c.py", "a/*.py", False),
        ("a/b/c.py", "**/c.py", True),
        ("c.py", "**/c.py", True),
        ("a/b/c.py", "./a/b", True),
        ("ab/c.py", "a", False),
        ("a+b.py", "a+b.py", True),
        ("aab.py", "a+b.py", False),
        ("a.py", "?.py", True),
        ("a/b/c.py", "b/", True),
        ("a/b/c.py", "a**c.py", False),
        ("a/b/c.py", "a/**c.py", True),
    ],
)
def test_globs(path: str, glob: str, fits: bool) -> None:
    assert excluded(path, [glob]) is fits


def test_a_file_is_found_once_however_often_it_is_given(tmp_path: Path) -> None:
    _make(tmp_path, "a.py")
    paths = [tmp_path, tmp_path / "a.py", tmp_path / "." / "a.py"]
    assert len(list(python_files(paths, [], tmp_path))) == 1


def test_a_given_file_is_taken_whatever_it_is_called_unless_it_comes_from_a_change(
    tmp_path: Path,
) -> None:
    _make(tmp_path, "README.md")
    readme = tmp_path / "README.md"
    assert list(python_files([readme], [], tmp_path)) == [readme]
    assert list(python_files([readme], [], tmp_path, given_anyway=False)) == []


def test_a_path_that_does_not_exist_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(PerflintError, match=r"nowhere does not exist"):
        list(python_files([tmp_path / "nowhere"], [], tmp_path))


def test_links_in_a_circle_are_not_followed(tmp_path: Path) -> None:
    _make(tmp_path, "a/x.py")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nothing")
    assert _found(tmp_path) == ["a/x.py"]


def test_a_script_is_known_by_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("#!/usr/bin/env python3\n")
    (tmp_path / "run").write_text("#!/bin/sh\n")
    assert is_python(tmp_path / "train")
    assert not is_python(tmp_path / "run")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("x = 'ü'\n".encode(), "x = 'ü'\n"),
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        ("# -*- coding: latin-1 -*-\nx = 'ü'\n".encode("latin-1"), None),
        (b"x = 1\r\n", "x = 1\r\n"),
    ],
)
def test_text_is_read_as_python_reads_it_and_can_be_written_back(
    tmp_path: Path, raw: bytes, text: str | None
) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(raw)
    source = read_source(path)
    assert text is None or source.text == text
    assert "ü" in source.text or text is not None
    assert source.text.encode(source.encoding) == raw


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("x.py", b"\x89PNG\r\n\x1a\n\x00\x00", "null bytes"),
        ("x.py", b"x = '\xff'\n", "no Python text"),
        ("x.py", b"# coding: no-such-thing\n", "no Python text"),
        ("x.ipynb", b"{}", "notebook"),
    ],
)
def test_what_is_no_python_text_says_why(
    tmp_path: Path, name: str, raw: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(UnreadableError, match=reason):
        read_source(tmp_path / name)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.py")
    with pytest.raises(UnreadableError, match="no regular file"):
        read_source(tmp_path / "x.py")


def test_a_folder_that_cannot_be_listed_is_a_problem_and_the_rest_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make(tmp_path, "a/x.py", "closed/y.py")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    result = check_paths(tmp_path, [tmp_path], LintConfig(root=tmp_path))
    assert result.problems == ("closed is a folder whose files cannot be listed",)
    assert result.files == 2
