"""Which perf tests a change can affect."""

from pathlib import Path

import pytest
from torch_perflint.runners.selection.imports import ImportGraph
from torch_perflint.runners.selection.reasons import explained
from torch_perflint.runners.selection.select import Choice, choose, find_perf_files, unreadable

PERF = "import pytest\nimport {module}\n@pytest.mark.perf\ndef test_{module}(perf): ...\n"
FILES = {
    "perf/conftest.py": "import shared",
    "perf/test_gpt.py": PERF.format(module="gpt"),
    "perf/test_cnn.py": PERF.format(module="cnn"),
    "gpt.py": "import layers",
    "cnn.py": "",
    "layers.py": "",
    "shared.py": "",
    "unused.py": "",
}


def side(root: Path, files: dict[str, str]) -> ImportGraph:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return ImportGraph(root, files)


def chosen(
    tmp_path: Path,
    changed: list[str],
    base: dict[str, str] | None = None,
    head: dict[str, str] | None = None,
    *,
    everything: bool = False,
) -> tuple[set[str], Choice]:
    """Lay both sides out (those given differ from FILES) and choose."""
    sides = {"base": FILES | (base or {}), "head": FILES | (head or {})}
    graphs = [side(tmp_path / name, files) for name, files in sides.items()]
    found = find_perf_files(tmp_path / "head", sides["head"])
    choice = choose(found, changed, graphs, everything=everything)
    return {test for file in choice.files for test in file.tests}, choice


@pytest.mark.parametrize(
    ("changed", "affected"),
    [
        (["gpt.py"], {"test_gpt"}),
        (["layers.py"], {"test_gpt"}),
        (["cnn.py", "layers.py"], {"test_gpt", "test_cnn"}),
        (["perf/test_cnn.py"], {"test_cnn"}),
        (["shared.py"], {"test_gpt", "test_cnn"}),
        (["perf/conftest.py"], {"test_gpt", "test_cnn"}),
        (["unused.py"], set()),
        (["new.py"], set()),
        ([], set()),
    ],
)
def test_a_change_affects_the_tests_that_can_import_it(
    tmp_path: Path, changed: list[str], affected: set[str]
) -> None:
    assert chosen(tmp_path, changed)[0] == affected


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "data/notes.md",
        "docs/b.png",
        ".github/a.svg",
        "docs/conf.yaml",
        "docs/a/b.txt",
        ".github/workflows/ci.yml",
        "LICENSE",
        "a.PNG",
    ],
)
def test_prose_affects_nothing(tmp_path: Path, name: str) -> None:
    assert chosen(tmp_path, [name])[0] == set()


@pytest.mark.parametrize(
    "name",
    [
        "data/img/0001.png",
        "nb/a.ipynb",
        "configs/gpt.yaml",
        "pyproject.toml",
        "data/a.bin",
        "csrc/op.cu",
        "requirements.txt",
        "lib",
    ],
)
def test_configuration_data_and_what_is_unknown_affect_everything(
    tmp_path: Path, name: str
) -> None:
    tests, choice = chosen(tmp_path, [name])
    assert tests == {"test_gpt", "test_cnn"}
    assert choice.selection.files[0].used_by.startswith("perhaps all")


def test_what_only_base_imports_still_affects_the_test(tmp_path: Path) -> None:
    head = {"gpt.py": ""}
    changed = ["layers.py"]
    assert chosen(tmp_path / "1", changed, head=head)[0] == {"test_gpt"}
    assert chosen(tmp_path / "2", changed, base=head, head=head)[0] == set()


def test_a_test_that_imports_by_name_at_run_time_is_affected_by_any_python_file(
    tmp_path: Path,
) -> None:
    tests, choice = chosen(tmp_path, ["unused.py"], head={"cnn.py": "__import__(name)"})
    assert tests == {"test_cnn"}
    assert choice.ran["perf/test_cnn.py"] is None
    assert choice.ran["perf/test_gpt.py"] is not None
    assert "layers.py" in choice.ran["perf/test_gpt.py"]


def test_a_file_that_does_not_parse_is_a_doubt_for_those_who_import_it(tmp_path: Path) -> None:
    head = {"layers.py": "def broken(:"}
    assert chosen(tmp_path, ["unused.py"], head=head)[0] == {"test_gpt"}


def test_everything_means_everything(tmp_path: Path) -> None:
    tests, choice = chosen(tmp_path, [], everything=True)
    assert tests == {"test_gpt", "test_cnn"}
    assert (choice.selection.found, choice.selection.affected) == (2, 2)


def test_each_changed_file_gets_its_reason(tmp_path: Path) -> None:
    choice = chosen(tmp_path, ["README.md", "layers.py", "shared.py", "unused.py"])[1]
    assert {file.path: file.used_by for file in choice.selection.files} == {
        "README.md": "not code",
        "layers.py": "test_gpt",
        "shared.py": "test_gpt, test_cnn",
        "unused.py": "no perf test",
    }
    assert (choice.selection.found, choice.selection.affected) == (2, 2)


def test_perf_tests_are_found_by_the_fixture_they_ask_for(tmp_path: Path) -> None:
    files = {
        "test_a.py": "def test_one(perf): ...\ndef test_two(other): ...\ndef helper(perf): ...",
        "test_b.py": "class TestIt:\n    def test_in(self, perf): ...\n"
        "    async def test_late(self, *, perf): ...",
        "test_c.py": "# perf\ndef test_nothing(): ...",
        "test_d.py": "import pytest\n@pytest.mark.perf\ndef test_broken(perf:",
        "test_e.py": "def test_broken(performance:",
        "bench.py": "if True:\n    def test_here(perf, /): ...",
        "code.py": "import pytest\nMARK = pytest.mark.perf\ndef step(perf): ...",
        "conftest.py": "def test_not_here(perf): ...",
        "test_f.txt": "def test_text(perf): ...",
    }
    side(tmp_path, files)
    found = find_perf_files(tmp_path, [*files, "deleted.py"])
    assert {file.path: file.tests for file in found} == {
        "test_a.py": ("test_one",),
        "test_b.py": ("test_in", "test_late"),
        "test_d.py": ("(does not parse)",),
        "bench.py": ("test_here",),
    }


def test_only_the_configured_folders_are_looked_at(tmp_path: Path) -> None:
    files = dict.fromkeys(("a/test_a.py", "ab/test_b.py", "test.py"), "def test_it(perf): ...")
    side(tmp_path, files)
    assert len(find_perf_files(tmp_path, files)) == 3
    assert [file.path for file in find_perf_files(tmp_path, files, ["./a/"])] == ["a/test_a.py"]


MARK = "import pytest\n@pytest.mark.perf(items=8)\n"


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        (MARK + "def test_it(my_timer): ...\ndef test_other(): ...", ("test_it",)),
        (MARK + "class TestIt:\n    def test_in(self, my_timer): ...", ("test_in",)),
        ("pytestmark = [pytest.mark.perf]\ndef test_all(my_timer): ...", ("test_all",)),
        ("class TestIt:\n    pytestmark = mark.perf\n    def test_in(self): ...", ("test_in",)),
        (MARK + "def test_it(request): request.getfixturevalue('perf')", ("test_it",)),
        ("pytestmark = pytest.mark.perf\ntest_a = make()", ()),
        ("import pytest\ntest_a = pytest.mark.perf(make())", ()),
        ("class Base:\n    def step(self, perf): ...", ()),
    ],
)
def test_perf_tests_that_do_not_ask_by_themselves_are_found(
    tmp_path: Path, text: str, tests: tuple[str, ...]
) -> None:
    names = ["a/test_it.py", "a/it_test.py"]
    side(tmp_path, dict.fromkeys(names, text) | {"a/conftest.py": text})
    found = find_perf_files(tmp_path, [*names, "a/conftest.py"])
    assert [(file.path, file.tests) for file in found] == [(name, tests) for name in names]


@pytest.mark.parametrize(
    "text",
    [
        "performance = 1\ndef test_it(): ...",
        "# perf\ntest_a = make()",
        "x.mark.perfect",
        "'@pytest.mark.perf'",
    ],
)
def test_a_test_file_that_has_nothing_to_do_with_perf_is_none(tmp_path: Path, text: str) -> None:
    graph = side(tmp_path, {"test_it.py": text})
    assert find_perf_files(tmp_path, ["test_it.py"], graph=graph) == []


INHERITED = {
    "perf/test_gpt.py": "from bases import Base\nclass TestGpt(Base):\n    batch = 8",
    "perf/test_plain.py": "def test_sum(): ...",
    "perf/helper.py": "from bases import Base",
    "perf/test_cnn.py": "",
    "bases.py": MARK + "class Base:\n    def step(self, perf): ...",
}


def test_tests_inherited_from_another_file_are_found_through_the_imports(tmp_path: Path) -> None:
    graph = side(tmp_path, INHERITED)
    found = find_perf_files(tmp_path, INHERITED, ["perf"], graph=graph)
    assert [(file.path, file.tests) for file in found] == [("perf/test_gpt.py", ())]
    assert find_perf_files(tmp_path, INHERITED, ["perf"]) == []


def test_a_file_without_known_names_counts_as_one_test_and_stands_for_it(tmp_path: Path) -> None:
    graph = side(tmp_path, INHERITED)
    found = find_perf_files(tmp_path, INHERITED, graph=graph)
    selection = choose(found, ["bases.py"], [graph]).selection
    assert (selection.found, selection.affected) == (1, 1)
    assert selection.files[0].used_by == "perf/test_gpt.py"
    assert choose(found, ["perf/helper.py"], [graph]).selection.affected == 0


def declaring(globs: str) -> dict[str, str]:
    """The perf test of gpt says what it reads; that of cnn does not."""
    text = FILES["perf/test_gpt.py"].replace("@pytest.mark.perf", f"@pytest.mark.perf({globs})")
    return {"perf/test_gpt.py": text}


@pytest.mark.parametrize(
    ("name", "affected"),
    [
        ("configs/gpt.yaml", {"test_gpt", "test_cnn"}),
        ("configs/deep/gpt.yaml", {"test_cnn"}),
        ("data/a/b/tokens.bin", {"test_gpt", "test_cnn"}),
        ("data2/tokens.bin", {"test_cnn"}),
        ("images/cat.png", {"test_cnn"}),
        # Elsewhere prose, pictures of the README and folders of docs are read by nobody.
        ("prompts/gpt.md", {"test_gpt"}),
        ("docs/vocabulary.json", {"test_gpt"}),
        ("logo.png", {"test_gpt"}),
        ("settings/gpt.py", {"test_gpt"}),
        ("prompts/gpt.rst", set()),
        # No test can say that these do not matter to it.
        ("pyproject.toml", {"test_gpt", "test_cnn"}),
        ("csrc/op.cu", {"test_gpt", "test_cnn"}),
        ("requirements-gpu.txt", {"test_gpt", "test_cnn"}),
        ("environment.yml", {"test_gpt", "test_cnn"}),
        ("third_party/kernels", {"test_gpt", "test_cnn"}),
        ("vendored/lib.zip", {"test_gpt", "test_cnn"}),
    ],
)
def test_a_test_that_declares_what_it_reads_is_free_of_other_data(
    tmp_path: Path, name: str, affected: set[str]
) -> None:
    globs = ["configs/*.yaml", "data/", "prompts/*.md", "docs/[uv]*", "*.png", "settings/*"]
    head = declaring(f"items=8, reads={globs}")
    assert chosen(tmp_path, [name], head=head)[0] == affected


@pytest.mark.parametrize(
    ("glob", "fits", "does_not_fit"),
    [
        ("a/[bc].md", "a/b.md", "a/d.md"),
        ("a/[!bc].md", "a/d.md", "a/b.md"),
        ("a[!b]c", "axc", "a/c"),
        ("a/x[0-9].md", "a/x7.md", "a/xy.md"),
        ("a/[^b].md", "a/^.md", "a/c.md"),
        ("a/[b", "a/[b", "a/b"),
        (".", "a/b.md", None),
    ],
)
def test_globs_know_sets_of_signs_and_the_root(
    tmp_path: Path, glob: str, fits: str, does_not_fit: str | None
) -> None:
    head = declaring(f"reads={[glob]}")
    assert chosen(tmp_path, [f"{fits}"], head=head)[1].selection.tests[0].why.startswith("its")
    if does_not_fit:
        tests = chosen(tmp_path, [does_not_fit], head=head)[1].selection.tests
        assert not tests[0].why.startswith("its `reads`")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@pytest.mark.perf\ndef bench_gpt(perf): ...\n", ("bench_gpt",)),
        (
            "pytestmark = pytest.mark.perf\ndef bench_gpt(perf): ...\ndef helper(x): ...\n",
            ("bench_gpt",),
        ),
        # Neither a fixture nor a helper that hands `perf` on is a test.
        ("pytestmark = pytest.mark.perf\n@pytest.fixture\ndef timed(perf): ...\n", ()),
        ("def drive(perf): ...\n", ()),
    ],
)
def test_a_marked_function_is_a_perf_test_whatever_its_name(
    tmp_path: Path, text: str, names: tuple[str, ...]
) -> None:
    """As in projects whose settings say `python_functions = bench_*`."""
    side(tmp_path, {"perf/bench_gpt.py": f"import pytest\n{text}"})
    found = find_perf_files(tmp_path, ["perf/bench_gpt.py"])
    assert tuple(name for file in found for name in file.tests) == names


@pytest.mark.parametrize("glob", ["configs/*.{yaml,yml}", "a/[z-a].md", "/etc/hosts", "../b"])
def test_a_glob_that_would_fit_no_file_settles_no_doubt(tmp_path: Path, glob: str) -> None:
    """The plug-in refuses it, once the test runs."""
    head = declaring(f"reads={[glob]}")
    assert chosen(tmp_path, ["configs/a.yaml"], head=head)[0] == {"test_gpt", "test_cnn"}


def test_what_one_of_the_tests_of_a_file_declares_runs_it(tmp_path: Path) -> None:
    head = declaring("reads=['prompts/']")
    head["perf/test_gpt.py"] += "@pytest.mark.perf\ndef test_two(perf): ...\n"
    tests, choice = chosen(tmp_path, ["prompts/a.md"], head=head)
    assert (tests, choice.doubts) == ({"test_gpt", "test_two"}, ("prompts/a.md",))
    assert choice.selection.files[0].used_by == "test_gpt, test_two"


def test_a_declaration_that_only_a_run_knows_settles_no_doubt(tmp_path: Path) -> None:
    head = declaring("reads=GLOBS")
    assert chosen(tmp_path, ["images/cat.png"], head=head)[0] == {"test_gpt", "test_cnn"}


def test_one_test_that_does_not_declare_leaves_its_file_in_doubt(tmp_path: Path) -> None:
    head = declaring("reads=[]")
    head["perf/test_gpt.py"] += "@pytest.mark.perf\ndef test_two(perf): ...\n"
    tests, choice = chosen(tmp_path, ["images/cat.png"], head=head)
    assert tests == {"test_gpt", "test_two", "test_cnn"}
    assert choice.doubts == ("images/cat.png",)


def test_altered_dependencies_run_every_test_and_the_choice_says_so(tmp_path: Path) -> None:
    """Even where the file lies among prose, and where a test declares what it reads."""
    name = "docs/requirements.txt"
    head = FILES | declaring("reads=[]")
    graph = side(tmp_path, head)
    found = find_perf_files(tmp_path, head)
    assert choose(found, [name], [graph]).selection.affected == 0
    choice = choose(found, [name], [graph], altering=(name,))
    assert choice.selection.affected == 2
    why = "the dependencies that docs/requirements.txt declares are not the same"
    assert {test.why for test in choice.selection.tests} == {why}
    assert choice.selection.files[0].used_by == "all: it alters the dependencies"


def test_the_nearest_mark_holds(tmp_path: Path) -> None:
    text = (
        "import pytest\npytestmark = pytest.mark.perf(reads=['a/'])\n"
        "def test_module(perf): ...\n"
        "@pytest.mark.perf(reads=['b/'])\nclass TestIt:\n    def test_class(self, perf): ...\n"
        "    @pytest.mark.perf(reads=['c/'])\n    def test_own(self, perf): ...\n"
    )
    side(tmp_path, {"test_it.py": text})
    (file,) = find_perf_files(tmp_path, ["test_it.py"])
    assert (file.tests, file.reads) == (
        ("test_module", "test_class", "test_own"),
        ("a/", "b/", "c/"),
    )


@pytest.mark.parametrize(
    ("changed", "why", "chain"),
    [
        (
            "layers.py",
            "it imports layers.py",
            ("perf/test_gpt.py", "gpt.py", "layers.py"),
        ),
        ("shared.py", "it imports shared.py", ("perf/conftest.py", "shared.py")),
        ("perf/test_gpt.py", "perf/test_gpt.py itself has changed", ("perf/test_gpt.py",)),
        ("configs/gpt.yaml", "its `reads` declares configs/gpt.yaml (configs/*.yaml)", ()),
        ("op.cu", "in doubt: it may read op.cu, not Python, which no `reads` can speak for", ()),
    ],
)
def test_each_test_that_runs_says_why(
    tmp_path: Path, changed: str, why: str, chain: tuple[str, ...]
) -> None:
    head = declaring("reads=['configs/*.yaml']")
    choice = chosen(tmp_path, [changed], head=head)[1]
    told = {one.path: one for one in choice.selection.tests}["perf/test_gpt.py"]
    assert (told.runs, told.why, told.chain) == (True, why, chain)


def test_each_test_that_does_not_run_says_so_and_all_runs_it_all_the_same(tmp_path: Path) -> None:
    choice = chosen(tmp_path, ["unused.py"], head=declaring("reads=[]"))[1]
    assert [one.runs for one in choice.selection.tests] == [False, False]
    text = explained(choice.selection.tests)
    assert "perf/test_gpt.py::test_gpt\n  does not run: it imports and reads none of" in text
    every = chosen(tmp_path, ["unused.py"], everything=True)[1]
    assert all(one.runs and "asked for" in one.why for one in every.selection.tests)


def test_an_import_that_only_a_run_can_tell_names_the_file_that_does_it(tmp_path: Path) -> None:
    head = {"layers.py": "import importlib\nimportlib.import_module(name)"}
    choice = chosen(tmp_path, ["unused.py"], head=head)[1]
    told = {one.path: one for one in choice.selection.tests}["perf/test_gpt.py"]
    assert told.why == (
        "in doubt: layers.py imports what only a run can tell, and unused.py has changed"
    )


def test_the_package_of_a_perf_test_affects_it(tmp_path: Path) -> None:
    head = {"perf/__init__.py": "X = 1"}
    assert chosen(tmp_path, ["perf/__init__.py"], head=head)[0] == {"test_gpt", "test_cnn"}


@pytest.mark.parametrize("others", [1, 2])
def test_a_doubt_names_the_tests_of_the_file_that_declare_nothing(
    tmp_path: Path, others: int
) -> None:
    head = declaring("reads=['configs/*.yaml']")
    for number in range(others):
        head["perf/test_gpt.py"] += f"@pytest.mark.perf\ndef test_{number}(perf): ...\n"
    choice = chosen(tmp_path, ["images/a.png"], head=head)[1]
    told = {one.path: one for one in choice.selection.tests}["perf/test_gpt.py"]
    names = "test_0 declares" if others == 1 else "test_0, test_1 declare"
    assert told.why == f"in doubt: it may read images/a.png, not Python; {names} no `reads`"


def test_settings_of_perflint_are_no_doubt(tmp_path: Path) -> None:
    graph = side(tmp_path, FILES)
    found = find_perf_files(tmp_path, FILES)
    assert choose(found, ["pyproject.toml"], [graph]).selection.affected == 2
    choice = choose(found, ["pyproject.toml"], [graph], settings=["pyproject.toml"])
    assert (choice.selection.affected, choice.doubts) == (0, ())
    assert choice.selection.files[0].used_by == "no perf test: only perflint's settings differ"


def test_changed_test_files_that_do_not_parse_are_named(tmp_path: Path) -> None:
    broken = "def broken(:\n"
    files = {"a/test_bad.py": broken, "b/test_bad.py": broken, "a/lib.py": broken, "test_a.py": ""}
    side(tmp_path, files)
    names = [*files, "a/test_deleted.py"]
    assert list(unreadable(tmp_path, names)) == ["a/test_bad.py", "b/test_bad.py"]
    found = unreadable(tmp_path, names, ["a"])
    assert found == {"a/test_bad.py": "invalid syntax (line 1)"}
