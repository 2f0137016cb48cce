"""Which files a file imports, without running anything."""

from pathlib import Path

import pytest
from torch_perflint.runners.selection.imports import ImportGraph, module_names, package_folders
from torch_perflint.runners.selection.read_imports import read_imports


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
        "pytest_plugins = ['a']\npytest_plugins.append(name)",
        "pytest_plugins: list[str] = find()",
        "pytest_plugins += find()",
        "from importlib import import_module as load\nload(name)",
        "import importlib\nload = importlib.import_module",
        "import importlib\nlib = importlib",
        "import importlib\ngetattr(importlib, 'import_module')('a.b')",
        "getattr(lib, 'import_module')('a.b')",
        "from importlib import *\nimport_module(name)",
        "from functools import partial\npartial(import_module, 'a.b')()",
        "from importlib.util import spec_from_file_location as spec\nspec('a', path)",
        "from pydoc import locate\nlocate(name)",
        "from pydoc import *\nlocate(name)",
        "import pydoc as p\np.locate(name)",
        "import pkgutil\npkgutil.resolve_name(name)",
        "import hydra\nhydra.utils.instantiate(config)",
        "from hydra.utils import instantiate as make\nmake(config)",
        "import lazy_loader as lazy\nlazy.attach(__name__, ['net'])",
        "import builtins\nbuiltins.exec(text)",
        "from builtins import exec as run\nrun(text)",
        "map(eval, names)",
        "__import__('models', fromlist=['net'])",
        "import subprocess",
        "from subprocess import run",
        "import os\nos.system('python train.py')",
        "from os import popen as p\np('python train.py')",
        "import os\nos.execv(path, args)",
        "import asyncio\nasyncio.create_subprocess_exec('python', 'train.py')",
        "Config.fromfile(f'configs/{name}.py')",
        "Config.fromfile('configs/' + name + '.py')",
        "Config.fromfile('configs/{}.py'.format(name))",
        "def broken(:",
        "x = '\\x00'\0",
        "(" * 5000,
    ],
)
def test_what_only_a_run_can_know_is_a_doubt(source: str) -> None:
    assert read_imports(source).dynamic


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()",
        "cursor.exec('x')",
        "def f(exec): ...",
        "from importlib import import_module",
        "import importlib.util\nimportlib.util.find_spec('a')",
        "tree.locate(x)",
        "attach(x)",
        "from engine import eval\neval(model)",
        "import os\nos.path.join('a', 'b')",
        "platform.system()",
        "name.endswith('.py')",
        "print(f'{name}.pyc')",
        "pytest_plugins: list[str]",
        "",
    ],
)
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
        "pytest_plugins: list[str] = ['models.net']",
        "pytest_plugins = ['a']\npytest_plugins += ['models.net']",
        "from importlib import import_module as load\nload('models.net')",
        "import importlib as lib\nlib.import_module('models.net')",
        "from pytest import importorskip as need\nneed('models.net', reason='why')",
    ],
)
def test_a_name_given_as_text_is_an_import(source: str) -> None:
    found = read_imports(source)
    assert "models.net" in found.names
    assert not found.dynamic


@pytest.mark.parametrize(
    "source",
    ["import pydoc\npydoc.locate('models.net.Net')", "pkgutil.resolve_name('models.net:Net')"],
)
def test_a_thing_given_as_text_is_an_import_of_its_module(source: str) -> None:
    assert "models.net.Net" in read_imports(source).names
    assert not read_imports(source).dynamic


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


@pytest.mark.parametrize("star", ["from pkg.sub import *", "from .pkg.sub import *"])
def test_a_star_takes_every_direct_submodule_and_no_deeper_one(tmp_path: Path, star: str) -> None:
    files = {
        "top/test_it.py": star,
        "top/pkg/__init__.py": "",
        "top/pkg/beside.py": "",
        "top/pkg/sub/__init__.py": "",
        "top/pkg/sub/net.py": "import far",
        "top/pkg/sub/deep/__init__.py": "",
        "top/pkg/sub/deep/layer.py": "",
        "far.py": "",
    }
    expected = set(files) - {"top/test_it.py", "top/pkg/beside.py", "top/pkg/sub/deep/layer.py"}
    assert reach(tmp_path, files, "top/test_it.py") == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Config.fromfile('configs/x.py')", {"configs/x.py", "net.py"}),
        ("Config.fromfile('../configs/x.py')", {"configs/x.py", "net.py"}),
        ("Path('/somewhere') / 'configs' / 'x.py'", {"configs/x.py", "net.py"}),
        ("load('local.py')", {"tests/local.py"}),
        ("load('other/x.py')", set()),
        ("'see configs/y.py'", set()),
    ],
)
def test_a_file_named_as_text_is_reached(tmp_path: Path, text: str, found: set[str]) -> None:
    files = {
        "tests/test_it.py": text,
        "tests/local.py": "",
        "configs/x.py": "import net",
        "configs/y.py": "",
        "net.py": "",
    }
    assert reach(tmp_path, files, "tests/test_it.py") == found


MAPPED = {
    "setup.py": "setup(name='my-pkg', package_dir={'mypkg': 'lib'})",
    "test_it.py": "from mypkg.net import step",
    "lib/__init__.py": "",
    "lib/net.py": "",
}


def test_a_package_under_another_name_than_its_folder_is_a_doubt(tmp_path: Path) -> None:
    assert graph(tmp_path, MAPPED).closure(["test_it.py"])[1]
    plain = MAPPED | {"test_it.py": "from lib.net import step\nimport pytest, os.path"}
    assert not graph(tmp_path, plain).closure(["test_it.py"])[1]


def test_a_package_installed_from_the_repository_is_a_doubt_from_elsewhere_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "repository" / "build" / "mypkg_editable"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("raise RuntimeError('nothing may be imported')")
    monkeypatch.syspath_prepend(installed.parent)
    files = {"test_it.py": "import mypkg_editable.net"}
    worktree = tmp_path / "head"
    graph(worktree, files)
    for repository, doubt in [(tmp_path / "repository", True), (tmp_path / "other", False)]:
        assert ImportGraph(worktree, files, repository).closure(["test_it.py"])[1] is doubt


def test_an_environment_inside_the_repository_is_not_the_repositorys_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / ".venv" / "lib" / "site-packages" / "someones_package.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("")
    monkeypatch.syspath_prepend(installed.parent)
    files = {"test_it.py": "import someones_package"}
    assert reach(tmp_path, files) == set()


@pytest.mark.parametrize(
    ("source", "doubt"),
    [
        ("import no_such_package", True),
        ("def late():\n    import no_such_package", True),
        ("try:\n    import no_such_package\nexcept ImportError:\n    pass", False),
        ("try:\n    from no_such_package import a\nexcept (KeyError, Exception):\n    pass", False),
        ("try:\n    import no_such_package\nexcept:\n    pass", False),
        ("try:\n    import no_such_package\nexcept KeyError:\n    pass", True),
        ("try:\n    import os\nexcept ImportError:\n    import no_such_package", True),
        ("with suppress(ImportError):\n    import no_such_package", False),
        ("with open('x'):\n    import no_such_package", True),
        ("if TYPE_CHECKING:\n    import no_such_package", False),
        ("pytest.importorskip('no_such_package')", False),
        ("import_module('no_such_package')", True),
        ("pytest_plugins = ['pytester']", False),
    ],
)
def test_a_missing_package_is_a_doubt_unless_the_file_can_do_without(
    tmp_path: Path, source: str, doubt: bool
) -> None:
    # A submodule that is not checked out, for instance.
    files = {"test_it.py": source, "third_party/no_such_package": ""}
    assert graph(tmp_path, files).closure(["test_it.py"])[1] is doubt


@pytest.mark.parametrize(
    ("name", "text", "doubt"),
    [
        ("README.md", "no_such_package", False),
        ("requirements.txt", "no_such_package", False),
        ("setup.py", "setup(install_requires=['no_such_package'])", False),
        ("pyproject.toml", "[project]\ndependencies = ['no_such_package']", False),
        ("pyproject.toml", "[tool.poetry.dependencies]\nno_such_package = '1'", False),
        ("no_such_package/kernel.cu", "", True),
        ("csrc/no_such_package.pyx", "", True),
        ("setup.py", "CUDAExtension(\n    name='no_such_package', sources=[])", True),
        ("setup.py", "CppExtension('no_such_package._C', [])", True),
        ("setup.py", "setup(package_dir={'no_such_package': 'lib'})", True),
        ("setup.py", "setup(\n    version='1',\n    name='no-such-package')", True),
        ("setup.cfg", "[metadata]\nname = no-such-package", True),
        ("pyproject.toml", "[project]\nname = 'no-such-package'", True),
        ("pyproject.toml", "[tool.maturin]\nmodule-name = 'no_such_package._ext'", True),
        ("pyproject.toml", "[tool.setuptools]\npackage-dir = { no_such_package = 'lib' }", True),
        ("pyproject.toml", "[[tool.poetry.packages]]\ninclude='x'\nto='no_such_package'", True),
        ("csrc/CMakeLists.txt", "pybind11_add_module(no_such_package a.cpp)", True),
        ("ops/BUILD.bazel", "pybind_extension(\n  name = 'no_such_package',)", True),
    ],
)
def test_a_missing_package_is_a_doubt_only_where_the_repository_may_make_it(
    tmp_path: Path, name: str, text: str, doubt: bool
) -> None:
    """Else nobody's own code is behind it, and where perf tests run it is missing as well."""
    files = {"test_it.py": "import no_such_package", name: text}
    assert graph(tmp_path, files).closure(["test_it.py"])[1] is doubt


def test_what_is_made_of_a_proto_file_is_a_doubt_where_it_is_missing(tmp_path: Path) -> None:
    files = {"test_it.py": "import batch_pb2", "protos/batch.proto": ""}
    assert graph(tmp_path, files).closure(["test_it.py"])[1]


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
