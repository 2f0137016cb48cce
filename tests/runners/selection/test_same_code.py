"""What counts as the same code in two versions of a Python file."""

from pathlib import Path

import pytest
from torch_perflint.runners.selection.same_code import same_code, same_file

CODE = b"def step(x):\n    return x * 2\n"


@pytest.mark.parametrize(
    "head",
    [
        b"# why\ndef step(x):\n\n    return (x * 2)  # twice\n",
        b"# -*- coding: utf-8 -*-\ndef step(\n    x,\n):\n    return x*2\n",
    ],
)
def test_comments_and_layout_are_no_code(head: bytes) -> None:
    assert same_code(CODE, head)


@pytest.mark.parametrize(
    "head",
    [
        b"def step(x):\n    return x * 3\n",
        b"def step(x):\n    return x * 2.0\n",
        b'def step(x):\n    """Twice."""\n    return x * 2\n',  # `__doc__` may be read
        b"def step(x):\n    # type: (Tensor) -> Tensor\n    return x * 2\n",  # TorchScript reads it
        b"def step(x:\n    return x * 2\n",
        b"def step(x):\n    return x * 2\0\n",
    ],
)
def test_all_else_is(head: bytes) -> None:
    assert not same_code(CODE, head)
    assert not same_code(head, CODE)
    assert same_code(head, head)


def test_a_file_that_is_not_there_is_not_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(CODE)
    assert same_file(tmp_path / "a.py", tmp_path / "a.py")
    assert not same_file(tmp_path / "a.py", tmp_path / "b.py")
