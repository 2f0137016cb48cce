"""What belongs to the repository, and when two sides are not comparable."""

from dataclasses import replace
from pathlib import Path

import pytest
from torch_perflint.runners.sample import PerfTest
from torch_perflint.runners.selection.import_roots import import_roots
from torch_perflint.runners.sides.provenance import (
    Provenance,
    first_party,
    identical,
    refusal,
    unseen,
)

A, B = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("files", "module"),
    [
        (["net.py"], "net"),
        (["pkg/__init__.py", "pkg/net.py"], "pkg.net"),
        (["src/pkg/__init__.py"], "pkg.anything.below"),
        (["src/net.py"], "net"),
        (["datasets/loader.py"], "datasets.loader"),
        (["src/space/pkg/net.py"], "space.pkg.net"),
    ],
)
def test_the_repository_owns_what_it_holds_in_every_layout(files: list[str], module: str) -> None:
    assert first_party(files).owns(module)


@pytest.mark.parametrize(
    ("settings", "root"),
    [
        ({"packages/one/pyproject.toml": ""}, "packages/one"),
        ({"packages/one/setup.py": "setup()"}, "packages/one/src"),
        ({"pytest.ini": "[pytest]\npythonpath = lib tools/more\n"}, "tools/more"),
        ({"tox.ini": "[pytest]\npythonpath =\n    lib\n"}, "lib"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\npythonpath = ['lib']"}, "lib"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\npythonpath = 'lib .'"}, "lib"),
        ({"pyproject.toml": "[tool.setuptools]\npackage-dir = {'' = 'python'}"}, "python"),
        ({"pyproject.toml": "[tool.setuptools]\npackage-dir = {pkg = 'code/pkg'}"}, "code"),
        ({"pyproject.toml": "[tool.setuptools.packages.find]\nwhere = ['code']"}, "code"),
        (
            {"pyproject.toml": "[[tool.poetry.packages]]\ninclude = 'pkg'\nfrom = 'code'"},
            "code",
        ),
        ({"pyproject.toml": "[tool.maturin]\npython-source = 'python'"}, "python"),
        (
            {"sub/pyproject.toml": "[tool.hatch.build.targets.wheel]\npackages = ['code/pkg']"},
            "sub/code",
        ),
        ({"setup.cfg": "[options]\npackage_dir =\n    = python\n"}, "python"),
        ({"setup.cfg": "[options.packages.find]\nwhere = code\n"}, "code"),
        ({"setup.py": "setup(package_dir={'': 'python'})"}, "python"),
        ({"setup.py": "setup(packages=find_packages('python'))"}, "python"),
        ({"setup.py": "setup(packages=find_packages(where=['python']))"}, "python"),
    ],
)
def test_packages_are_imported_from_where_the_project_s_settings_say(
    tmp_path: Path, settings: dict[str, str], root: str
) -> None:
    for name, text in settings.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert import_roots(tmp_path, []) == {".", "src"}
    roots = import_roots(tmp_path, settings)
    assert root in roots
    files = [f"{root}/pkg/__init__.py", f"{root}/pkg/sub/__init__.py", "other/wandb/__init__.py"]
    own = first_party(files, roots=roots)
    assert own.owns("pkg.sub")
    assert not own.owns("wandb")


@pytest.mark.parametrize(
    "text",
    [
        "[tool.black]\nexclude = 'examples'\n[tool.x]\npackages = ['examples']",
        "[tool.setuptools.packages.find]\nexclude = ['examples']",
        "no toml",
    ],
)
def test_a_folder_that_settings_name_for_something_else_is_no_root(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert "examples" not in import_roots(tmp_path, ["pyproject.toml"])


@pytest.mark.parametrize(
    "folder", ["integrations/numpy", "examples/numpy", "tests/mocks/numpy", "a/b/numpy"]
)
def test_a_sub_folder_named_like_an_installed_package_is_no_copy_of_it(folder: str) -> None:
    files = [f"{folder}/__init__.py", f"{folder}/core.py"]
    own = first_party(files, [f"{folder}/__init__.py"])
    assert not own.owns("numpy")
    assert not own.owns("numpy.core")
    assert "numpy" not in own.loose
    # It is imported by the name that it has from the root.
    assert own.owns(f"{folder}/core".replace("/", "."))
    # Where its folder turns out to be on the path, as an editable install puts it there, it counts.
    on_path = own.rooted_at(["src", folder.rpartition("/")[0]])
    assert on_path.owns("numpy.core")
    assert own.rooted_at(["src", "docs"]) == own


@pytest.mark.parametrize(
    ("files", "module"),
    [
        # A folder without an __init__ gives way to the installed package of its name.
        (["datasets/loader.py"], "datasets"),
        (["datasets/loader.py"], "datasets.arrow"),
        # The standard library's own.
        (["profile.py", "src/types/__init__.py"], "profile"),
        (["src/types/__init__.py"], "types"),
        # A file in a folder of scripts is no package of that name.
        (["loggers/wandb.py"], "wandb"),
        (["scripts/transformers.py"], "transformers.models"),
        # Tests are found by file.
        (["tests/test_net.py", "conftest.py", "setup.py"], "conftest"),
        (["tests/test_net.py"], "tests.test_net"),
        # A package inside a package is not known by its own name alone.
        (["pkg/__init__.py", "pkg/numpy/__init__.py"], "numpy"),
        (["README.md"], "README"),
    ],
)
def test_the_repository_does_not_own_what_python_takes_from_elsewhere(
    files: list[str], module: str
) -> None:
    assert not first_party(files).owns(module)


def test_a_side_that_imported_an_installed_copy_is_refused() -> None:
    clean = Provenance({"pkg/net.py": A})
    copy = Provenance({}, {"pkg.net": "/env/site-packages/pkg/net.py"})
    assert refusal(clean, clean) is None
    for sides, name in (((copy, clean), "base"), ((clean, copy), "head")):
        said = refusal(*sides)
        assert said
        assert said.startswith(f"{name} ran pkg.net from /env/site-packages/pkg/net.py")
        assert "Uninstall that copy" in said


def test_sides_are_identical_when_all_that_ran_is() -> None:
    base = Provenance({"net.py": A, "data.csv": A})
    assert identical(base, Provenance({"data.csv": A, "net.py": A}), None)
    assert not identical(base, Provenance({"net.py": B, "data.csv": A}), None)
    assert not identical(base, Provenance({"net.py": A}), None)


def test_two_versions_of_a_module_may_run_the_same_code() -> None:
    modules = frozenset({"net.py"})
    base = Provenance({"net.py": A, "data.csv": A}, modules=modules)
    head = Provenance({"net.py": B, "data.csv": A}, modules=modules)
    assert identical(base, head, None, equal=lambda name: True)
    assert not identical(base, head, None, equal=lambda name: False)
    # What is only opened is data, whatever it holds.
    for provenance in (
        Provenance({"net.py": B, "data.csv": B}, modules=modules),
        Provenance({"net.py": B, "data.csv": A}),
    ):
        assert not identical(base, provenance, None, equal=lambda name: True)


def test_what_ran_and_no_test_explains_counts() -> None:
    base, head = Provenance({"net.py": A, "late.py": A}), Provenance({"net.py": A, "late.py": B})
    ran = frozenset({"net.py"})
    # Imported by a name that only the run knew.
    assert not identical(base, head, ran)
    assert identical(base, head, ran, frozenset({"late.py"}))


def test_a_changed_file_is_looked_for_under_every_name_it_may_have() -> None:
    own = first_party(["lib/model.py", "lib/other.py"], ["lib/model.py"])
    assert own.loose["model"] == "lib/model.py"
    assert "other" not in own.loose


def test_a_package_under_third_party_is_not_ours() -> None:
    assert not first_party(["third_party/transformers/__init__.py"]).owns("transformers")
    roots = frozenset({"python", "third_party"})
    assert first_party(["python/transformers/__init__.py"], roots=roots).owns("transformers")
    assert not first_party(["third_party/transformers/__init__.py"], roots=roots).owns(
        "transformers"
    )


def test_of_other_tests_only_the_data_files_count() -> None:
    base = Provenance({"net.py": A, "other.py": A, "data.csv": A})
    ran, others = frozenset({"net.py"}), frozenset({"net.py", "other.py"})
    same = Provenance({"net.py": A, "other.py": B, "data.csv": A})
    assert identical(base, same, ran, others)
    for files in (
        {"net.py": B, "other.py": A, "data.csv": A},
        {"net.py": A, "other.py": A, "data.csv": B},
        {"net.py": A, "data.csv": A, "new.yaml": A},
    ):
        assert not identical(base, Provenance(files), ran, others)


@pytest.mark.parametrize(
    "settings",
    [
        "[tool.poetry]\npackages = ['pkg', 3]\n",
        "[tool.poetry]\npackages = 'pkg'\n",
        "[tool.setuptools]\npackage-dir = 'src'\n",
        "[tool.setuptools.package-dir]\npkg = ['a']\nb = 3\n",
        "[tool.setuptools.packages]\nfind = 3\n",
        "tool = 3\n",
    ],
)
def test_settings_of_another_kind_name_no_folder_and_break_nothing(
    tmp_path: Path, settings: str
) -> None:
    """Whoever they are for complains about them."""
    (tmp_path / "pyproject.toml").write_text(settings)
    assert import_roots(tmp_path, ["pyproject.toml"]) == {".", "src"}


@pytest.mark.parametrize(
    ("read", "early", "told"),
    [
        (("a/x.json",), ("a/y.json", "pytest.ini", "net.py"), []),
        (("b.json",), ("b.json",), ["read b.json, which its `reads`"]),
        ((), ("b.yaml",), ["what is imported for it, or for tests beside it, read b.yaml, which"]),
        (("b.json",), ("c.json",), ["read b.json, which", "what is imported"]),
    ],
)
def test_what_a_test_does_not_declare_is_told_also_where_an_import_reads_it(
    read: tuple[str, ...], early: tuple[str, ...], told: list[str]
) -> None:
    provenance = Provenance(read=read, early=early)
    declares = PerfTest("t.py::t", "t.py", 1, reads=("a/",))
    notes = unseen(declares, provenance, None)
    assert [note.startswith(words) for note, words in zip(notes, told, strict=True)] == [
        True for _ in told
    ]
    assert unseen(replace(declares, reads=None), provenance, None) == []


def test_prose_that_a_test_reads_and_does_not_declare_is_told() -> None:
    """What it declares nothing of is no doubt: a change to it runs nobody."""
    read = Provenance(read=("prompts/a.md", "b.json", "net.py"), early=("docs/c.json",))
    test = PerfTest("t.py::t", "t.py", 1)
    (note,) = unseen(test, read, None)
    assert note.startswith("read prompts/a.md, docs/c.json, which is taken for prose")
    declares = replace(test, reads=("prompts/", "docs/", "b.json"))
    assert unseen(declares, read, None) == []
