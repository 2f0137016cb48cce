"""Turns the text of a notebook's cell into plain Python, line by line, without moving anything."""

import ast
import re

# Magics of cells whose body is Python like any other.
_PYTHON_BODY = {"time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "heat", "px"}
_CELL_MAGIC = re.compile(r"\s*%%(\w+)")
_LINE_MAGIC = re.compile(r"(\s*)(?:[%!?]|[\w.*]+\?{1,2}\s*$)")
_ASSIGNED_MAGIC = re.compile(r"([^=!<>#'\"]+?=\s*)[%!]")
# What decides whether the next line begins a statement: strings, comments and brackets.
_PIECE = re.compile(r"""'{3}|"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\#.*|[\[({]|[\])}]|\\$""")


def plain_python(cell: str) -> str:
    """Replace magics, shell commands and help requests by `pass` or nothing.

    Raises SyntaxError where what is left is no Python.
    """
    lines = cell.split("\n")
    if magic := _CELL_MAGIC.match(cell):
        if magic[1] not in _PYTHON_BODY:
            return "\n" * (len(lines) - 1)
        row = cell[: magic.end()].count("\n")
        lines[row] = ""
    text = "\n".join(lines)
    try:
        _parse(text)
    except SyntaxError:
        # Only now: within an expression, a line may begin with `%` and mean a remainder.
        text = "\n".join(_without_magics(lines))
        _parse(text)
    return text


def _parse(text: str) -> None:
    try:
        ast.parse(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError("cannot be read") from error


def _without_magics(lines: list[str]) -> list[str]:
    state = _State()
    plain: list[str] = []
    in_magic = False
    for line in lines:
        magic = _LINE_MAGIC.match(line)
        assigned = _ASSIGNED_MAGIC.match(line)
        if in_magic:
            plain.append("")
        elif state.at_start and magic:
            plain.append(magic[1] + "pass")
        elif state.at_start and assigned:
            plain.append(assigned[1] + "None")
        else:
            state.read(line)
            plain.append(line)
            continue
        in_magic = line.rstrip("\r").endswith("\\")
    return plain


class _State:
    """Whether a statement is complete, as far as its lines have been read."""

    def __init__(self) -> None:
        self._depth = 0
        self._string = ""
        self._joined = False

    @property
    def at_start(self) -> bool:
        """Whether the next line begins a statement."""
        return not (self._depth or self._string or self._joined)

    def read(self, line: str) -> None:
        """Read one more line."""
        self._joined = False
        place = 0
        line = line.rstrip("\r")
        while place < len(line):
            if self._string:
                place = self._end_of_string(line, place)
                continue
            piece = _PIECE.search(line, place)
            if piece is None:
                return
            place = piece.end()
            match piece[0]:
                case "'''" | '"""':
                    self._string = piece[0]
                case "(" | "[" | "{":
                    self._depth += 1
                case ")" | "]" | "}":
                    self._depth = max(0, self._depth - 1)
                case "\\":
                    self._joined = True

    def _end_of_string(self, line: str, place: int) -> int:
        closing = re.compile(rf"(?:\\.|[^\\])*?{self._string}").match(line, place)
        if closing is None:
            return len(line)
        self._string = ""
        return closing.end()
