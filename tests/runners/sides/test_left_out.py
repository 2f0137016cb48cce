"""Files of the user's checkout that git does not hold, and a side that fails for want of them."""

from pathlib import Path

import pytest
from torch_perflint.runners.result import Failure
from torch_perflint.runners.sides.left_out import left_out_notes


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The checkout with two files that git ignores, and a worktree without them."""
    checkout, worktree = tmp_path / "checkout", tmp_path / "worktree"
    for folder in (checkout, worktree):
        (folder / "src/pkg").mkdir(parents=True)
        (folder / "src/pkg/__init__.py").write_text("")
    (checkout / "src/pkg/_version.py").write_text("")
    (checkout / "data").mkdir()
    (checkout / "data/x.bin").write_text("")
    return checkout, worktree


@pytest.mark.parametrize(
    ("summary", "name"),
    [
        ("ModuleNotFoundError: No module named 'pkg._version'", "src/pkg/_version.py"),
        (
            "ImportError: cannot import name '_version' from 'pkg' (src/pkg/__init__.py)",
            "src/pkg/_version.py",
        ),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'data/x.bin'",
            "data/x.bin",
        ),
    ],
)
@pytest.mark.parametrize("in_details", [False, True])
def test_what_only_the_checkout_has_is_named(
    folders: tuple[Path, Path], summary: str, name: str, in_details: bool
) -> None:
    checkout, worktree = folders
    failure = Failure("it fails", summary) if in_details else Failure(summary, "")
    (note,) = left_out_notes([failure, failure], checkout, [worktree])
    assert note.startswith(f"{name}: in your checkout and not in git")


def test_a_path_below_the_worktree_is_one_of_the_repository(folders: tuple[Path, Path]) -> None:
    checkout, worktree = folders
    words = f"No such file or directory: '{worktree}/data/x.bin'"
    assert len(left_out_notes([Failure(words, "")], checkout, [worktree])) == 1


@pytest.mark.parametrize(
    "words",
    [
        "No module named 'pkg.gone'",  # the checkout has none either
        "No module named 'pkg'",  # both have it: it is not on the path
        "No such file or directory: '/etc/hosts'",
        "No such file or directory: '../checkout/data/x.bin'",
        "AssertionError",
    ],
)
def test_nothing_else_is_put_down_to_git(folders: tuple[Path, Path], words: str) -> None:
    checkout, worktree = folders
    assert left_out_notes([Failure(words, "")], checkout, [worktree]) == []
