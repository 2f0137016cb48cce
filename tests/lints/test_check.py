"""Checking paths: what comes back for files, changes and mistakes."""

from pathlib import Path

from torch_perflint.lints.changed import ChangedLines
from torch_perflint.lints.check import check_paths, check_text
from torch_perflint.lints.config import LintConfig

LOOP = """\
import torch
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss.item()
    other += float(loss)
"""


def _project(root: Path) -> LintConfig:
    (root / "src").mkdir()
    (root / "src" / "train.py").write_text(LOOP)
    (root / "src" / "broken.py").write_text("import torch\nfor x in\n")
    (root / "src" / "bytes.py").write_bytes(b"import torch\n# \xff\n")
    (root / "notes.md").write_text("torch\n")
    return LintConfig(root=root)


def test_findings_and_problems_come_side_by_side(tmp_path: Path) -> None:
    result = check_paths(tmp_path, [Path("src")], _project(tmp_path))
    assert [(f.path, f.span.line) for f in result.findings] == [
        ("src/train.py", 6),
        ("src/train.py", 7),
    ]
    assert [problem.split()[0].rstrip(":") for problem in result.problems] == [
        "src/broken.py",
        "src/bytes.py",
    ]
    assert result.files == 3


def test_no_comment_of_a_file_that_cannot_be_read_is_called_unused(tmp_path: Path) -> None:
    for end, codes in (("", ["PFL901"]), ("(\n", [])):
        text = f"import torch\nx = 1  # perflint: ignore[PFL101]\n{end}"
        (tmp_path / "a.py").write_text(text)
        config = LintConfig(root=tmp_path)
        for result in (
            check_paths(tmp_path, [Path("a.py")], config),
            check_text(tmp_path, "a.py", text, config),
        ):
            assert [finding.code for finding in result.findings] == codes
            assert bool(result.problems) == bool(end)


def test_only_lines_of_a_change_count(tmp_path: Path) -> None:
    config = _project(tmp_path)
    changed = ChangedLines({"src/train.py": ((7, 9),), "notes.md": None})
    paths = [tmp_path / path for path in changed.paths()]
    result = check_paths(tmp_path, paths, config, changed)
    assert [f.code for f in result.findings] == ["PFL102"]
    assert (result.problems, result.files) == ((), 1)
    assert check_paths(tmp_path, [tmp_path], config, ChangedLines()).files == 0


def test_a_finding_counts_where_the_change_touches_any_of_its_lines(tmp_path: Path) -> None:
    config = LintConfig(root=tmp_path)
    text = "import torch\nfrom torch.utils.data import DataLoader\ntrain_loader = DataLoader(\n"
    (tmp_path / "a.py").write_text(text + "    data,\n    shuffle=True,\n)\nmodel.cuda()\n")
    for line, count in ((2, 0), (3, 2), (5, 2), (7, 0)):
        changed = ChangedLines({"a.py": ((line, line),)})
        assert len(check_paths(tmp_path, [tmp_path], config, changed).findings) == count


def test_the_configuration_picks_rules_and_files(tmp_path: Path) -> None:
    _project(tmp_path)
    config = LintConfig(ignore=("PFL101",), exclude=("b*.py",), root=tmp_path)
    result = check_paths(tmp_path, [tmp_path], config)
    assert [f.code for f in result.findings] == ["PFL102"]
    assert result.problems == ()


def test_excludes_count_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    config = _project(tmp_path)
    config = LintConfig(exclude=("src/b*.py",), root=config.root)
    result = check_paths(tmp_path / "src", [Path()], config)
    assert [f.path for f in result.findings] == ["train.py", "train.py"]
    assert result.problems == ()


def test_a_file_given_by_hand_has_to_be_python(tmp_path: Path) -> None:
    config = _project(tmp_path)
    (tmp_path / "other.py").write_text("print 'old'\n")
    for name in ("notes.md", "other.py"):
        (tmp_path / "notes.md").write_text("# A title\nand some words.\n")
        assert len(check_paths(tmp_path, [Path(name)], config).problems) == 1
    # Below a folder, a file without torch is not even parsed.
    assert not any("other" in p for p in check_paths(tmp_path, [tmp_path], config).problems)


def test_files_beside_the_root_are_named_from_it(tmp_path: Path) -> None:
    config = _project(tmp_path)
    (tmp_path / "here").mkdir()
    result = check_paths(tmp_path / "here", [Path("../src/train.py")], config)
    assert {f.path for f in result.findings} == {"../src/train.py"}
