"""What belongs to the repository, and when two sides are not comparable."""

import pytest
from torch_perflint.runners.provenance import Provenance, first_party, identical, refusal

A, B = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("files", "module"),
    [
        (["net.py"], "net"),
        (["pkg/__init__.py", "pkg/net.py"], "pkg.net"),
        (["src/pkg/__init__.py"], "pkg.anything.below"),
        (["src/net.py"], "net"),
        (["python/pkg/__init__.py", "python/pkg/sub/__init__.py"], "pkg.sub"),
        (["packages/one/src/pkg/__init__.py"], "pkg"),
        (["datasets/loader.py"], "datasets.loader"),
        (["src/space/pkg/net.py"], "space.pkg.net"),
    ],
)
def test_the_repository_owns_what_it_holds_in_every_layout(files: list[str], module: str) -> None:
    assert first_party(files).owns(module)


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
    assert first_party(["python/transformers/__init__.py"]).owns("transformers")


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
