"""Which files a file imports, without running anything."""

from pathlib import Path

import pytest
from torch_perflint.runners.imports import ImportGraph, module_names, package_folders, read_imports


def graph(root: Path, files: dict[str, str]) -> ImportGraph:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return ImportGraph(root, [*files, "README.md"])


def reach(root: Path, files: dict[str, str], start: str = "test_it.py") -> set[str]:
    """The files that `start` imports, itself left out; nothing may be in doubt."""
    found, dynamic = graph(root, files).closure([start])
    assert not dynamic
    return set(found) - {start}


def test_every_form_of_import_is_read_wherever_it_stands() -> None:
    source = """
import a, b.c as bc
from d import e as f
from . import g
from ..h import i
try:
    import j
except ImportError:
    def late():
        from k import *
"""
    names = set(read_imports(source).names)
    assert {"a", "b.c", "d.e", ".", ".g", "..h.i", "j", "k"} <= names
    assert not read_imports(source).dynamic


@pytest.mark.parametrize(
    "source",
    [
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module\nimport_module(f'models.{name}')",
        "from importlib import import_module\nimport_module('.net', package=where)",
        "from importlib import import_module\nimport_module('.net', where)",
        "__import__(name)",
        "exec(text)",
        "eval('Net')",
        "import runpy\nrunpy.run_path('train.py')",
        "import importlib.util as u\nu.spec_from_file_location('a', path)",
        "spec.loader.exec_module(module)",
        "pytest.importorskip(name)",
        "pytest_plugins = find()",
        "def broken(:",
        "x = '\\x00'\0",
        "(" * 5000,
    ],
)
def test_what_only_a_run_can_know_is_a_doubt(source: str) -> None:
    assert read_imports(source).dynamic


@pytest.mark.parametrize("source", ["model.eval()", "cursor.exec('x')", "def f(exec): ...", ""])
def test_what_only_looks_like_it_is_none(source: str) -> None:
    assert not read_imports(source).dynamic


@pytest.mark.parametrize(
    "source",
    [
        "importlib.import_module('models.net')",
        "__import__('models.net')",
        "pytest.importorskip('models.net')",
        "pytest_plugins = ['models.net']",
        "pytest_plugins = 'models.net', 'other'",
    ],
)
def test_a_name_given_as_text_is_an_import(source: str) -> None:
    found = read_imports(source)
    assert "models.net" in found.names
    assert not found.dynamic


def test_an_import_runs_the_packages_on_the_way_and_what_those_import(tmp_path: Path) -> None:
    files = {
        "test_it.py": "import pkg.sub.net",
        "pkg/__init__.py": "from . import registry",
        "pkg/registry.py": "",
        "pkg/sub/__init__.py": "",
        "pkg/sub/net.py": "from ..tools import helper",
        "pkg/tools.py": "",
        "pkg/unused.py": "import pkg.sub.net",
    }
    assert reach(tmp_path, files) == set(files) - {"test_it.py", "pkg/unused.py"}


def test_from_dot_import_takes_the_neighbour(tmp_path: Path) -> None:
    files = {
        "pkg/test_it.py": "from . import net\nfrom .. import far",
        "pkg/__init__.py": "",
        "pkg/net.py": "",
        "pkg/other.py": "",
        "far.py": "",
    }
    assert "pkg/net.py" in reach(tmp_path, files, "pkg/test_it.py")
    assert "pkg/other.py" not in reach(tmp_path, files, "pkg/test_it.py")


def test_from_a_package_its_init_and_the_named_module_are_taken(tmp_path: Path) -> None:
    files = {
        "test_it.py": "from pkg import net, not_a_module",
        "pkg/__init__.py": "",
        "pkg/net.py": "",
        "pkg/other.py": "",
    }
    assert reach(tmp_path, files) == {"pkg/__init__.py", "pkg/net.py"}


def test_a_package_under_src_is_found(tmp_path: Path) -> None:
    files = {"test_it.py": "import pkg.net", "src/pkg/__init__.py": "", "src/pkg/net.py": ""}
    assert reach(tmp_path, files) == {"src/pkg/__init__.py", "src/pkg/net.py"}


def test_a_package_below_another_folder_is_found(tmp_path: Path) -> None:
    files = {
        "tests/test_it.py": "from pkg.net import Net",
        "my-code/pkg/__init__.py": "",
        "my-code/pkg/net.py": "from .deep import layer",
        "my-code/pkg/deep/layer.py": "",
    }
    assert reach(tmp_path, files, "tests/test_it.py") == set(files) - {"tests/test_it.py"}


def test_folders_without_init_are_packages_too_wherever_the_path_begins(tmp_path: Path) -> None:
    files = {
        "code/perf/test_it.py": "from models.net import Net\nimport code.tools",
        "code/models/net.py": "from models import layers",
        "code/models/layers.py": "",
        "code/tools.py": "",
        "code/train.py": "",
    }
    found = reach(tmp_path, files, "code/perf/test_it.py")
    assert found == {"code/models/net.py", "code/models/layers.py", "code/tools.py"}


def test_two_files_of_one_name_are_both_possible(tmp_path: Path) -> None:
    files = {"test_it.py": "import utils", "a/utils.py": "", "b/utils.py": "", "b/others.py": ""}
    assert reach(tmp_path, files) == {"a/utils.py", "b/utils.py"}


def test_cycles_end(tmp_path: Path) -> None:
    files = {"test_it.py": "import a", "a.py": "import b", "b.py": "import a, b, test_it"}
    assert reach(tmp_path, files) == {"a.py", "b.py"}


def test_a_doubt_anywhere_in_the_closure_is_a_doubt_and_elsewhere_none(tmp_path: Path) -> None:
    files = {"test_it.py": "import a", "a.py": "import b", "b.py": "exec(x)", "c.py": ""}
    assert graph(tmp_path, files).closure(["test_it.py"])[1]
    assert not graph(tmp_path, files).closure(["c.py"])[1]


def test_a_listed_file_that_cannot_be_read_is_a_doubt(tmp_path: Path) -> None:
    (tmp_path / "a.py").symlink_to("nowhere")
    assert ImportGraph(tmp_path, ["a.py"]).closure(["a.py"]) == (frozenset({"a.py"}), True)


def test_a_start_that_this_side_lacks_is_left_out(tmp_path: Path) -> None:
    assert graph(tmp_path, {"a.py": ""}).closure(["new.py"]) == (frozenset(), False)


def test_a_file_in_another_encoding_is_read(tmp_path: Path) -> None:
    files = {"test_it.py": "", "net.py": ""}
    known = graph(tmp_path, files)
    (tmp_path / "test_it.py").write_bytes(
        "# -*- coding: latin-1 -*-\n# é\nimport net".encode("latin-1")
    )
    assert known.closure(["test_it.py"]) == (frozenset(files), False)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("net.py", {"net"}),
        ("pkg/__init__.py", {"pkg"}),
        ("pkg/net.py", {"pkg.net"}),
        ("src/pkg/net.py", {"src.pkg.net", "pkg.net"}),
        ("python/pkg/net.py", {"python.pkg.net", "pkg.net"}),
        ("scripts/train.py", {"scripts.train", "train"}),
        ("my-scripts/train.py", {"train"}),
        ("__init__.py", set()),
    ],
)
def test_names_by_which_a_file_is_known(name: str, names: set[str]) -> None:
    inits = ["pkg/__init__.py", "src/pkg/__init__.py", "python/pkg/__init__.py", "__init__.py"]
    assert set(module_names(name, package_folders(inits))) == names
