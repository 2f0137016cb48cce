"""Files that symbolic links of the repository give a second name."""

from pathlib import Path

import pytest
from torch_perflint.runners.selection.imports import ImportGraph
from torch_perflint.runners.selection.select import choose, find_perf_files
from torch_perflint.runners.sides.links import other_names

PERF = "import pytest\n{line}\n@pytest.mark.perf({mark})\ndef test_step(perf): ...\n"


def worktree(root: Path, files: dict[str, str], links: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name, target in links.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
    return [*files, *links]


def test_links_to_files_and_folders_give_names(tmp_path: Path) -> None:
    links = {
        "a/util.py": "../common/impl.py",
        "b/util.py": "../a/util.py",
        "pkg": "common",
        "out": "/etc",
        "up": "..",
        "gone": "nowhere",
        "c/top": "..",
    }
    files = worktree(
        tmp_path, {"common/impl.py": "", "common.py": "", "common/d/x.json": ""}, links
    )
    found = other_names(tmp_path, files)
    names = ("a/util.py", "b/util.py", "c/top/common/impl.py", "pkg/impl.py")
    assert found["common/impl.py"] == names
    assert found["common/d/x.json"] == ("c/top/common/d/x.json", "pkg/d/x.json")
    assert found["common.py"] == ("c/top/common.py",)
    # What leaves the repository or leads nowhere gives no names.
    assert not any(name.startswith(("out", "up")) for names in found.values() for name in names)
    assert found.keys() & {"nowhere", "common"} == set()


@pytest.mark.parametrize(
    ("line", "mark", "changed", "link", "target"),
    [
        # A helper that several folders share, under another name in each.
        ("import util", "", "common/impl.py", "perf/util.py", "../common/impl.py"),
        ("", "", "shared_conftest.py", "perf/conftest.py", "../shared_conftest.py"),
        (
            "try:\n    from pkg import model\nexcept ImportError:\n    pass",
            "",
            "lib/impl/model.py",
            "pkg",
            "lib/impl",
        ),
        ("", "reads=['data/*.json']", "shared/x.json", "data", "shared"),
        ("", "reads=['settings.json']", "shared/x.json", "settings.json", "shared/x.json"),
    ],
)
def test_a_change_behind_a_link_runs_the_tests_that_use_the_link(
    tmp_path: Path, line: str, mark: str, changed: str, link: str, target: str
) -> None:
    files = {"perf/test_step.py": PERF.format(line=line, mark=mark), changed: "", "other.md": ""}
    tracked = worktree(tmp_path, files, {link: target})
    graph = ImportGraph(tmp_path, tracked)
    found = find_perf_files(tmp_path, tracked, graph=graph)
    choice = choose(found, [changed], [graph])
    assert [file.path for file in choice.files] == ["perf/test_step.py"]
    assert choice.selection.files[0].used_by == "test_step"
    assert choice.selection.tests[0].file == changed
    assert not choose(found, ["other.md"], [graph]).files
