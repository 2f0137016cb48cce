"""Notebooks: what is read of them, where findings say they are, and what writing back touches."""

import json
from pathlib import Path

import nbformat
import pytest
from torch_perflint.lints.check import check_paths
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.files import UnreadableError, decoded
from torch_perflint.lints.magics import plain_python
from torch_perflint.lints.notebooks import Notebook, NotebookError, parse_notebook

LOOP = """\
for x, y in loader:
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    total += loss.item()"""
# Indented with one space, with a float, an escape and keys in an order that no writer would choose.
LAYOUT = """{
 "nbformat": 4, "nbformat_minor": 5,
 "metadata": {"kernelspec": {"language": "python", "name": "python3"}, "x": 1e5},
 "cells": [
  {"cell_type": "markdown", "metadata": {}, "source": ["# Caf\\u00e9\\n", "text"]},
  {
   "cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [],
   "source": [
    "import torch\\n",
    "a = 1"
   ]
  },
  {"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": "b = 2"},
  {"cell_type": "code", "execution_count": null, "metadata": {}, "outputs": [], "source": []}
 ]
}
"""


def _notebook(*sources: str, **more: object) -> str:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "Some words."}]
    for source in sources:
        lines = [line + "\n" for line in source.split("\n")]
        lines[-1] = lines[-1].removesuffix("\n")
        cells.append({"cell_type": "code", "metadata": {}, "outputs": [], "source": lines})  # type: ignore[dict-item]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}
    return json.dumps(document, indent=1) + "\n"


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("a = 1\n", "a = 1\n"),
        ("%matplotlib inline\na = 1", "pass\na = 1"),
        ("if a:\n    !pip install x\nb", "if a:\n    pass\nb"),
        ("!pip install \\\n  torch\na = 1", "pass\n\na = 1"),
        ("files = !ls\nt, u = %timeit -o f()\n", "files = None\nt, u = None\n"),
        ("loss?\nnn.Linear??\n?nn\n%time f()\n", "pass\npass\npass\npass\n"),
        ("%%time\nloss.item()\n", "\nloss.item()\n"),
        ("\n%%capture out --no-stderr\na", "\n\na"),
        ("%%bash\nls -l | wc\n", "\n\n"),
        ("%%writefile train.py\nloss.item()", "\n"),
        ("a = (7\n    % 3)\n%pwd", "a = (7\n    % 3)\npass"),
        (
            's = """\n%not a magic\n!nor this\n"""\n%pwd',
            's = """\n%not a magic\n!nor this\n"""\npass',
        ),
        ("s = 7 \\\n% 3\n!ls", "s = 7 \\\n% 3\npass"),
        ("s = '('  # [\n!ls", "s = '('  # [\npass"),
        ("await f()\n", "await f()\n"),
    ],
)
def test_magics_are_blanked_and_no_line_moves(cell: str, plain: str) -> None:
    assert plain_python(cell) == plain
    assert plain.count("\n") == cell.count("\n")


def test_what_is_no_python_without_magics_is_said() -> None:
    with pytest.raises(SyntaxError):
        plain_python("!ls\nprint 'old'")


def test_the_code_cells_become_one_text_in_order() -> None:
    notebook = parse_notebook(_notebook("import torch\na = 1", "!ls", "b = 2\n"))
    assert notebook.text == "import torch\na = 1\npass\nb = 2\n"
    assert [(cell.number, cell.first) for cell in notebook.cells] == [(2, 1), (3, 3), (4, 4)]


def test_a_finding_says_its_cell_its_line_there_and_its_line_in_the_file(tmp_path: Path) -> None:
    raw = _notebook("import torch\n%cd ..", "!ls\n" + LOOP)
    (tmp_path / "a.ipynb").write_text(raw)
    [finding] = check_paths(tmp_path, [tmp_path], LintConfig(root=tmp_path)).findings
    assert finding.place == "a.ipynb:cell 3:6:14"
    assert finding.why == "in the step loop of line 2 of cell 3"
    first, last = finding.file_lines
    assert first == last
    assert json.loads(raw.split("\n")[first - 1]) == "    total += loss.item()"


def test_one_broken_cell_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(_notebook("import torch", "fine = 1\nprint 'old'", LOOP))
    result = check_paths(tmp_path, [tmp_path], LintConfig(root=tmp_path))
    assert [finding.place for finding in result.findings] == ["a.ipynb:cell 4:5:14"]
    [problem] = result.problems
    assert problem.startswith("a.ipynb: cell 3, line 2: ")


@pytest.mark.parametrize(
    "metadata",
    [
        {"language_info": {"name": "julia"}},
        {"kernelspec": {"language": "R"}},
    ],
)
def test_a_notebook_in_another_language_is_left_alone(metadata: dict[str, object]) -> None:
    assert parse_notebook(_notebook("import torch", metadata=metadata)).cells == ()


def test_format_3_is_read_and_written(tmp_path: Path) -> None:
    old = nbformat.v3.new_notebook(
        worksheets=[
            nbformat.v3.new_worksheet(
                cells=[
                    nbformat.v3.new_text_cell("markdown", "words"),
                    nbformat.v3.new_code_cell("import torch\na = 1"),
                ]
            )
        ]
    )
    raw = json.dumps(nbformat.v3.nbjson.reads(nbformat.v3.nbjson.writes(old)), indent=2)
    notebook = parse_notebook(raw)
    assert [(cell.number, cell.source) for cell in notebook.cells] == [(2, "import torch\na = 1")]
    changed = parse_notebook(notebook.with_cells({2: "import torch\na = 22"}))
    assert changed.text == "import torch\na = 22\n"


def test_writing_back_touches_only_the_lines_that_differ() -> None:
    notebook = parse_notebook(LAYOUT)
    assert notebook.with_cells({}) == LAYOUT
    same = {cell.number: cell.source for cell in notebook.cells}
    assert notebook.with_cells(same) == LAYOUT
    written = notebook.with_cells({2: "import torch\na = 'é'\nc = 3", 3: 'b = "x"'})
    assert written == LAYOUT.replace('"a = 1"', '"a = \'\\u00e9\'\\n",\n    "c = 3"').replace(
        '"b = 2"', '"b = \\"x\\""'
    )


def test_what_jupyter_writes_is_written_as_jupyter_writes_it() -> None:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("# é\na = 1\nb = 2")])
    notebook = parse_notebook(nbformat.writes(made))
    made.cells[0].source = "# é\na = 'ü'\nb = 2"
    assert notebook.with_cells({1: made.cells[0].source}) == nbformat.writes(made)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[]", "no cells"),
        ("{}", "no cells"),
        ('{"cells": 3}', "no cells"),
        ('{"cells": [3]}', "cell 1 is no object"),
        ('{"cells": [{"cell_type": "code", "source": 3}]}', "no text"),
        ('{"worksheets": [3]}', "no cells"),
        ('{"nbformat": 2, "worksheets": []}', "nbconvert"),
        ("[" * 100_000, "no notebook"),
    ],
)
def test_what_is_no_notebook_is_said_in_words(raw: str, words: str) -> None:
    with pytest.raises(NotebookError, match=words):
        parse_notebook(raw)


def test_a_broken_notebook_is_a_problem_and_other_files_are_checked(tmp_path: Path) -> None:
    (tmp_path / "bad.ipynb").write_text("{")
    (tmp_path / "bytes.ipynb").write_bytes(b'{"cells": "\xff"}')
    (tmp_path / "good.py").write_text("import torch\n" + LOOP)
    result = check_paths(tmp_path, [tmp_path], LintConfig(root=tmp_path))
    assert [finding.path for finding in result.findings] == ["good.py"]
    assert [problem.split(" is no notebook")[0] for problem in result.problems] == [
        "bad.ipynb",
        "bytes.ipynb",
    ]


def test_bytes_that_nothing_changed_are_written_as_they_were() -> None:
    for raw in (LAYOUT.encode(), b"\xef\xbb\xbf" + LAYOUT.encode(), LAYOUT.encode() + b"\r\n\n"):
        assert decoded(raw, "a.ipynb").encoded() == raw
    with pytest.raises(UnreadableError):
        decoded(b"\0", "a.ipynb")


def test_an_empty_notebook_has_an_empty_text() -> None:
    notebook = parse_notebook('{"cells": [], "nbformat": 4}')
    assert notebook == Notebook('{"cells": [], "nbformat": 4}', (), "")
