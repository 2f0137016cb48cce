"""How the dependencies of two sides differ, and what of it a run cannot include."""

from pathlib import Path

import pytest
from torch_perflint import PerflintError
from torch_perflint.runners.result import DependencyChange
from torch_perflint.runners.sample import Side
from torch_perflint.runners.sides.dependencies import (
    Dependencies,
    changes_between,
    compare_declared,
    environment_notes,
    included,
    unread_note,
)
from torch_perflint.runners.sides.requirements import Declared

USUAL = ("requirements.txt", ".")


def compared(
    tmp_path: Path, name: str, base: str | None, head: str | None, sources: tuple[str, ...] = USUAL
) -> Dependencies:
    roots = {side: tmp_path / side.value for side in Side}
    for root, text in zip(roots.values(), (base, head), strict=True):
        root.mkdir()
        if text is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    return compare_declared(roots, sources, [name])


OPTIONS = "[options]\ninstall_requires = "


@pytest.mark.parametrize(
    ("name", "base", "head"),
    [
        ("requirements.txt", "numpy<2\n", "numpy\n"),
        ("requirements.txt", None, "numpy\n"),
        ("requirements.txt", "--pre\n", ""),
        ("pyproject.toml", "[project]\n", "[project]\ndependencies = ['numpy']\n"),
    ],
)
def test_what_can_be_installed_and_differs_is_found(
    tmp_path: Path, name: str, base: str | None, head: str
) -> None:
    found = compared(tmp_path, name, base, head)
    assert (found.files, found.unread) == ((name,), ())


@pytest.mark.parametrize(
    ("name", "base", "head"),
    [
        ("requirements.txt", "numpy\ntorch # x\n", "torch\n\nnumpy\n"),
        ("pyproject.toml", "[tool.ruff]\nline-length = 1\n", "[tool.ruff]\nline-length = 2\n"),
        ("setup.py", "setup(install_requires=['a'])\n", "setup(install_requires=['a'], v=2)\n"),
        (
            "setup.cfg",
            "[options]\ninstall_requires = a\n",
            "[x]\n[options]\ninstall_requires = a\n",
        ),
        ("data.txt", "1", "2"),
        ("environment.py", "1", "2"),
    ],
)
def test_what_does_not_touch_dependencies_is_left_alone(
    tmp_path: Path, name: str, base: str, head: str
) -> None:
    found = compared(tmp_path, name, base, head)
    assert (found.files, found.unread) == ((), ())


@pytest.mark.parametrize(
    ("name", "base", "head", "part"),
    [
        *((n, "1", "2", n) for n in ("uv.lock", "poetry.lock", "environment.yml", "Pipfile.lock")),
        *((n, "1", "2", n) for n in ("requirements-gpu.txt", "requirements/dev.txt")),
        ("setup.py", "f(install_requires=['a'])", "f(install_requires=['b'])", "setup.py"),
        ("setup.py", "x='a'\nf(install_requires=x)", "x='b'\nf(install_requires=x)", "setup.py"),
        ("setup.cfg", f"{OPTIONS}a\n", f"{OPTIONS}b\n", "setup.cfg"),
        (
            "pyproject.toml",
            "[dependency-groups]\ntrain = ['a']\n",
            "[dependency-groups]\ntrain = ['b']\n",
            "pyproject.toml [dependency-groups]",
        ),
        (
            "pyproject.toml",
            "[project.optional-dependencies]\ntrain = ['a']\n",
            "[project.optional-dependencies]\ntrain = ['b']\n",
            "pyproject.toml [project.optional-dependencies.train]",
        ),
        (
            "pyproject.toml",
            "[tool.poetry.dependencies]\na = '1'\n",
            "[tool.poetry.dependencies]\na = '2'\n",
            "pyproject.toml [tool.poetry.dependencies]",
        ),
    ],
)  # fmt: skip
def test_what_decides_and_cannot_be_installed_from_is_named(
    tmp_path: Path, name: str, base: str, head: str, part: str
) -> None:
    found = compared(tmp_path, name, base, head)
    assert (found.files, found.unread) == ((), (part,))
    assert found.causes(own_command=False) == ()
    assert found.causes(own_command=True) == (part,)
    assert unread_note(found.unread).startswith(f"dependency change NOT included: {part} differs,")


def test_the_configuration_says_what_else_is_read(tmp_path: Path) -> None:
    sources = ("requirements/train.txt", ".[train]")
    found = compared(tmp_path, "requirements/train.txt", "a\n", "b\n", sources)
    assert (found.files, found.unread) == (("requirements/train.txt",), ())
    extras = "[project.optional-dependencies]\ntrain = ['{}']\n"
    texts = (extras.format("a"), extras.format("b"))
    (tmp_path / "two").mkdir()
    found = compared(tmp_path / "two", "pyproject.toml", *texts, (".[train]",))
    assert (found.files, found.unread) == (("pyproject.toml",), ())
    (tmp_path / "three").mkdir()
    with pytest.raises(PerflintError, match=r"no file 'req[.]txt' on either side"):
        compared(tmp_path / "three", "other.txt", "", "", ("req.txt",))


def test_of_a_moved_requirement_nothing_differs(tmp_path: Path) -> None:
    roots = {side: tmp_path / side.value for side in Side}
    for root, files in zip(
        roots.values(),
        (
            {"requirements.txt": "a\nb\n"},
            {"requirements.txt": "-r more.txt\na\n", "more.txt": "b\n"},
        ),
        strict=True,
    ):
        root.mkdir()
        for name, text in files.items():
            (root / name).write_text(text)
    found = compare_declared(roots, USUAL, ["requirements.txt", "more.txt"])
    assert (found.files, found.unread) == ((), ())


def test_changes_are_told_in_one_sentence() -> None:
    changes = changes_between({"a": "1", "b": "1", "c": "2"}, {"a": "1", "b": "2", "d": "1"})
    assert changes == (
        DependencyChange("b", "1", "2"),
        DependencyChange("c", "2", None),
        DependencyChange("d", None, "1"),
    )
    assert included(changes) == "dependency change included: b 1 → 2, c 2 removed, d 1 added"
    many = tuple(DependencyChange(f"d{n}", "1", "2") for n in range(9))
    assert included(many).endswith("d5 1 → 2 and 3 more")


def test_what_one_side_declares_and_both_can_import_is_told() -> None:
    declared = {Side.BASE: Declared(("a", "b")), Side.HEAD: Declared(("a", "c"))}
    dependencies = Dependencies(declared, ("requirements.txt",))
    installed = {
        Side.BASE: {"a": "1", "b": "1", "c": "1"},
        Side.HEAD: {"a": "1", "c": "1"},
    }
    assert list(environment_notes(dependencies, installed, ("requirements.txt",))) == [
        "dependency change included: b 1 removed",
        "only head declares c, and it is installed here, so that base can import it as well",
    ]
