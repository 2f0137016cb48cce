"""A worker imports its own worktree, and tells what it imported and opened."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
from torch_perflint.runners.sides.git import blob_hash
from torch_perflint.runners.sides.own_code import OwnCode
from torch_perflint.runners.sides.own_paths import imported, put_first
from torch_perflint.runners.sides.provenance import FirstParty

PACKAGE = Path(sys.modules["torch_perflint"].__path__[0]).parent


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The user's checkout and a worktree, both with a `src` folder."""
    for name in ("checkout/src", "worktree/src"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "checkout", tmp_path / "worktree"


def path_after(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path], *entries: Path
) -> list[str]:
    checkout, worktree = folders
    monkeypatch.setattr(sys, "path", [str(entry) for entry in entries])
    put_first(worktree, checkout)
    return sys.path


def test_the_worktree_comes_first_on_the_path(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]
) -> None:
    worktree = folders[1]
    (worktree.parent / "lib").mkdir()
    after = path_after(monkeypatch, folders, worktree.parent / "lib")
    assert after == [str(worktree), str(worktree / "src"), str(worktree.parent / "lib")]


def test_paths_into_the_checkout_are_turned_to_the_worktree(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]
) -> None:
    checkout, worktree = folders
    link = checkout.parent / "link"
    link.symlink_to(checkout)
    given = [checkout, checkout / "src", checkout / "python", link / "tools"]
    after = path_after(monkeypatch, folders, *given)
    assert set(after) == {str(worktree / name) for name in ("", "src", "python", "tools")}
    assert len(after) == 4
    assert put_first(worktree, checkout) == {".", "src", "python", "tools"}


def test_an_environment_inside_the_checkout_stays(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]
) -> None:
    venv = folders[0] / ".venv"
    monkeypatch.setattr(sys, "prefix", str(venv))
    inside = [venv / "lib/python3/site-packages", venv / "lib/python3"]
    others = folders[0] / "env2/lib/python3/site-packages"
    after = path_after(monkeypatch, folders, *inside, others)
    assert after[2:] == [str(entry) for entry in (*inside, others)]


@pytest.mark.parametrize("prefix", [".", "checkout"])
def test_an_environment_around_the_checkout_keeps_none_of_its_folders(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path], prefix: str
) -> None:
    """As where a container's Python is in /usr and the project in /usr/src/app."""
    checkout, worktree = folders
    monkeypatch.setattr(sys, "prefix", str(checkout.parent / prefix))
    after = path_after(monkeypatch, folders, checkout / "python")
    assert after[-1] == str(worktree / "python")


def test_what_an_environment_lies_over_stays_as_well(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]
) -> None:
    """What pip has checked out into the user's own environment, below the user's checkout."""
    checkout, worktree = folders
    entry = str(checkout / ".venv/src/lib")
    for inherited, expected in (
        (str(checkout / ".venv"), entry),
        (None, str(worktree / ".venv/src/lib")),
    ):
        monkeypatch.setattr(sys, "path", [entry])
        put_first(worktree, checkout, inherited)
        assert sys.path[-1] == expected


def test_a_worktree_inside_the_checkout_is_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]
) -> None:
    """As where TMPDIR is a folder of the repository."""
    worktree = folders[0] / "tmp/base"
    (worktree / "lib").mkdir(parents=True)
    after = path_after(monkeypatch, (folders[0], worktree), worktree / "lib", folders[0] / "lib")
    assert after == [str(worktree), str(worktree / "lib"), str(worktree / "lib")]


def test_a_neighbour_whose_name_only_begins_alike_stays(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]
) -> None:
    neighbour = folders[0].parent / "checkout2"
    assert path_after(monkeypatch, folders, neighbour)[2:] == [str(neighbour)]


def test_an_editable_installs_own_finder_is_turned_as_well(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]
) -> None:
    checkout, worktree = folders
    finder = ModuleType("__editable___pkg_1_0_finder")
    vars(finder).update(
        MAPPING={"pkg": str(checkout / "src/pkg"), "other": "/elsewhere/other"},
        NAMESPACES={"space": [str(checkout / "src/space")]},
    )
    unrelated = ModuleType("constants")
    vars(unrelated).update(MAPPING={"pkg": str(checkout / "src/pkg")})
    monkeypatch.setitem(sys.modules, finder.__name__, finder)
    monkeypatch.setitem(sys.modules, "constants", unrelated)
    path_after(monkeypatch, folders)
    assert vars(finder)["MAPPING"] == {
        "pkg": str(worktree / "src/pkg"),
        "other": "/elsewhere/other",
    }
    assert vars(finder)["NAMESPACES"] == {"space": [str(worktree / "src/space")]}
    assert vars(unrelated)["MAPPING"] == {"pkg": str(checkout / "src/pkg")}


def run(folder: Path, code: str) -> list[str]:
    """Run code in a process of its own: an audit hook stays for the life of a process."""
    head = f"""
        import json, os, sys
        sys.path.insert(0, {str(PACKAGE)!r})
        from pathlib import Path
        from torch_perflint.runners.sides.own_paths import OpenedFiles
        opened = OpenedFiles(Path({str(folder)!r}), Path("/nowhere"))
    """
    code = (
        textwrap.dedent(head)
        + textwrap.dedent(code)
        + "\nprint(json.dumps(sorted(opened.names())))"
    )
    done = subprocess.check_output([sys.executable, "-P", "-c", code], cwd=folder, text=True)
    names: list[str] = json.loads(done)
    return names


def test_files_of_the_worktree_that_were_opened_are_seen(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    (folder / "sub").mkdir(parents=True)
    for name in ("data.csv", "sub/conf.yaml", "by_os.bin", "untouched.txt", "module.py"):
        (folder / name).write_text("")
    (tmp_path / "outside.txt").write_text("")
    (tmp_path / "tree2").mkdir()
    (tmp_path / "tree2/near.txt").write_text("")
    code = """
        open("data.csv").close()
        Path("sub/../sub/conf.yaml").read_text()
        os.close(os.open(b"by_os.bin", os.O_RDONLY))
        open("../outside.txt").close()
        open("../tree2/near.txt").close()
        sys.path.insert(0, os.getcwd())
        import module
        with open(os.open("data.csv", os.O_RDONLY)): pass
        # What a test writes, such as a log, is none of what it runs or reads.
        for name, mode in (("log.txt", "w"), ("log.bin", "ab"), ("new.txt", "x")):
            open(name, mode).close()
        os.close(os.open("by_os.log", os.O_WRONLY | os.O_CREAT))
    """
    seen = run(folder, code)
    assert seen == ["by_os.bin", "data.csv", "module.py", "sub/conf.yaml"]


def test_what_is_written_and_read_is_seen(tmp_path: Path) -> None:
    code = """
        open("a.txt", "w+").close()
        Path(".git").write_text("gitdir: somewhere")
        Path(".git").read_text()
        open("b.txt", "w").close()
        open("b.txt").close()
        os.close(os.open("c.txt", os.O_RDWR | os.O_CREAT))
    """
    assert run(tmp_path, code) == ["a.txt", "b.txt", "c.txt"]


def test_what_was_opened_before_the_first_test_is_told_apart(tmp_path: Path) -> None:
    for name in ("early.json", "late.json", "later.json"):
        (tmp_path / name).write_text("{}")
    code = """
        open("early.json").close()
        opened.start()
        open("late.json").close()
        opened.start()
        open("later.json").close()
        assert (opened.early(), opened.since()) == (["early.json"], ["later.json"])
    """
    assert run(tmp_path, code) == ["early.json", "late.json", "later.json"]


def test_imported_files_and_modules_from_outside_are_told(
    monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]
) -> None:
    checkout, worktree = folders
    (worktree / "net.py").write_text("x = 1")
    (worktree / "data.csv").write_text("1")
    for name, file in (("net", worktree / "net.py"), ("pkg.sub", checkout / "pkg/sub.py")):
        module = ModuleType(name)
        module.__file__ = str(file)
        monkeypatch.setitem(sys.modules, name, module)
    own = FirstParty(frozenset({"net", "pkg"}), frozenset())
    elsewhere = checkout.parent / "elsewhere"
    hashes, outside = imported(worktree, elsewhere, own, ["data.csv", "deleted.csv"])
    assert hashes == {"data.csv": blob_hash(b"1"), "net.py": blob_hash(b"x = 1")}
    assert outside == {"pkg.sub": str(checkout / "pkg/sub.py")}
    nobody = FirstParty(frozenset({"net"}), frozenset())
    assert imported(worktree, elsewhere, nobody, [])[1] == {}
    # Whatever comes from the user's own checkout is head's code, by any name.
    assert imported(worktree, checkout, nobody, [])[1] == outside
    loose = FirstParty(frozenset(), frozenset(), {"pkg.sub": "lib/sub.py", "net": "net.py"})
    assert imported(worktree, elsewhere, loose, [])[1] == outside


def test_own_code_is_what_lies_in_the_worktree_and_is_not_installed_there(tmp_path: Path) -> None:
    own = OwnCode(tmp_path)
    assert own.path(f"{tmp_path}/pkg/net.py") == "pkg/net.py"
    assert own.path(f"{tmp_path}/env/lib/site-packages/torch/nn.py") is None
    assert own.path(f"{tmp_path}2/net.py") is None
    assert own.path("<string>") is None
