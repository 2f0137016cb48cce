"""Whether two versions of a Python file run the same code: all but comments and layout."""

import ast
import re
from pathlib import Path

# TorchScript reads types out of these comments, wherever they stand.
_TYPE_COMMENT = re.compile(rb"#\s*type:.*")


def same_file(base: Path, head: Path) -> bool:
    """Whether two files run the same code; one that cannot be read runs no other's."""
    try:
        return same_code(base.read_bytes(), head.read_bytes())
    except OSError:
        return False


def same_code(base: bytes, head: bytes) -> bool:
    """Whether both parse to the same tree, positions aside.

    Docstrings count, since a program may read them. A file that does not parse is the same only as
    itself.
    """
    if base == head:
        return True
    if _TYPE_COMMENT.findall(base) != _TYPE_COMMENT.findall(head):
        return False
    try:
        return ast.dump(ast.parse(base)) == ast.dump(ast.parse(head))
    except (SyntaxError, ValueError, RecursionError):
        return False
