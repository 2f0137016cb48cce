"""Reads the code cells of a notebook as one text, and puts edited cells back where they were."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .finding import Cell, Finding
from .magics import plain_python
from .result import Silenced

_SPACE = re.compile(r"[ \t\n\r]*")
# A line of the same file that a sentence names; that of another file has its name before it.
_NAMED_LINE = re.compile(r"(?<!\.py )(?<!\.py, )(?<!\.ipynb )\bline (\d+)\b(?! of )")
_LONE_RETURN = re.compile(r"\r(?!\n)")
_DECODER = json.JSONDecoder()


class NotebookError(ValueError):
    """A text is no notebook that perflint can read; the message says why."""


@dataclass(frozen=True, slots=True)
class CodeCell:
    """A cell of code: its number among all cells from 1, and the line of the text it begins at."""

    number: int
    source: str
    first: int


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook: its file as it is, its code cells, and all of these as one Python text.

    `problems` tells of cells that are no Python; the text has empty lines in their place.
    """

    raw: str
    cells: tuple[CodeCell, ...]
    text: str
    problems: tuple[str, ...] = ()

    def cell_at(self, line: int) -> CodeCell:
        """Return the cell that holds a line of the text."""
        starts = [cell.first for cell in self.cells]
        return self.cells[max(0, bisect_right(starts, line) - 1)]

    def located(self, findings: Iterable[Finding]) -> list[Finding]:
        """Add to each finding the cell that it lies in."""
        findings = list(findings)
        if not findings:
            return []
        rows = _file_rows(self.raw)
        return [self._located(finding, rows) for finding in findings]

    def silenced(self, silenced: Sequence[Silenced]) -> tuple[Silenced, ...]:
        """Add the cell to each finding that a comment silences."""
        places = self.located(each.finding for each in silenced)
        return tuple(
            Silenced(place, each.reason) for place, each in zip(places, silenced, strict=True)
        )

    def _located(self, finding: Finding, rows: Mapping[int, list[int]]) -> Finding:
        cell = self.cell_at(finding.span.line)
        of_cell = rows.get(cell.number) or [1]
        first, last = (
            of_cell[min(line - cell.first, len(of_cell) - 1)]
            for line in (finding.span.line, finding.span.end_line)
        )
        return replace(
            finding,
            message=self._in_cells(finding.message, finding.path),
            why=None if finding.why is None else self._in_cells(finding.why, finding.path),
            cell=Cell(cell.number, cell.first, first, last),
        )

    def _in_cells(self, sentence: str, path: str) -> str:
        def told(named: re.Match[str]) -> str:
            cell = self.cell_at(int(named[1]))
            return f"line {int(named[1]) - cell.first + 1} of cell {cell.number}"

        own_place = re.compile(rf"(?<![\w./-]){re.escape(path)}:(\d+)\b")
        return own_place.sub(told, _NAMED_LINE.sub(told, sentence))

    def with_cells(self, sources: Mapping[int, str]) -> str:
        """Return the file with other sources in some cells, and everything else as it was."""
        raw = self.raw
        ascii_only = raw.isascii() and "\\u" in raw
        places = dict(_sources(raw))
        for number in sorted(sources, reverse=True):
            start, end = places[number]
            raw = raw[:start] + _rewritten(raw[start:end], sources[number], ascii_only) + raw[end:]
        return raw


def parse_notebook(raw: str) -> Notebook:
    """Read a notebook of format 3 or 4; one in another language has no cells for us.

    Raises NotebookError.
    """
    document = _document(raw)
    cells: list[CodeCell] = []
    texts: list[str] = []
    problems: list[str] = []
    first = 1
    for number, source in _code(document):
        cells.append(CodeCell(number, source, first))
        try:
            text = plain_python(source)
        except SyntaxError as error:
            text = "\n" * source.count("\n")
            problems.append(f"cell {number}, line {error.lineno or 1}: {error.msg}")
        text = text if text.endswith("\n") else text + "\n"
        texts.append(text)
        first += text.count("\n")
    return Notebook(raw, tuple(cells), "".join(texts), tuple(problems))


def _document(raw: str) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise NotebookError(f"is no notebook: it is no JSON ({error})") from error
    except RecursionError as error:
        raise NotebookError("is no notebook: it is nested too deeply") from error
    if not isinstance(document, dict):
        raise NotebookError("is no notebook: it has no cells")
    if document.get("nbformat") in (1, 2):
        raise NotebookError(
            "is a notebook of an old format; `jupyter nbconvert --to notebook --inplace` renews it"
        )
    return document


def _code(document: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield each code cell in Python as its number and its source."""
    if "python" not in _language(document):
        return
    for number, cell in enumerate(_cells(document), 1):
        if not isinstance(cell, dict):
            raise NotebookError(f"is no notebook: cell {number} is no object")
        if cell.get("cell_type") != "code" or "python" not in str(cell.get("language", "python")):
            continue
        source = cell.get("source", cell.get("input", ""))
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            raise NotebookError(f"is no notebook: cell {number} has no text as its source")
        yield number, _LONE_RETURN.sub("\n", source)


def _cells(document: dict[str, Any]) -> list[Any]:
    if isinstance(cells := document.get("cells"), list):
        return cells
    sheets = document.get("worksheets")
    if not isinstance(sheets, list):
        raise NotebookError("is no notebook: it has no cells")
    found: list[Any] = []
    for sheet in sheets:
        if not isinstance(sheet, dict) or not isinstance(sheet.get("cells", []), list):
            raise NotebookError("is no notebook: one of its worksheets has no cells")
        found += sheet.get("cells", [])
    return found


def _language(document: dict[str, Any]) -> str:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return "python"
    for key, name in (("language_info", "name"), ("kernelspec", "language")):
        of_key = metadata.get(key)
        if isinstance(of_key, dict) and isinstance(of_key.get(name), str):
            return str(of_key[name]).lower()
    return "python"


def _sources(raw: str) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield the number of each cell that has a source, and where in the file that stands."""
    top = dict(_members(raw, _skip(raw, 0)))
    lists = [top["cells"]] if "cells" in top else []
    if not lists:
        sheets = (dict(_members(raw, start)) for start, _ in _items(raw, top["worksheets"][0]))
        lists = [sheet["cells"] for sheet in sheets if "cells" in sheet]
    number = 0
    for start, _ in lists:
        for at, _ in _items(raw, start):
            number += 1
            members = dict(_members(raw, at))
            if place := members.get("source", members.get("input")):
                yield number, place


def _file_rows(raw: str) -> dict[int, list[int]]:
    """Tell for each line of each cell's source on which line of the file it stands."""
    rows: dict[int, list[int]] = {}
    row, done = 1, 0
    for number, (start, end) in _sources(raw):
        items = list(_items(raw, start)) if raw[start] == "[" else [(start, end)]
        of_cell = rows.setdefault(number, [])
        for at, past in items:
            row, done = row + raw.count("\n", done, at), at
            text: str = json.loads(raw[at:past])
            of_cell += [row] * max(1, text.count("\n") + (not text.endswith("\n")))
    return rows


def _rewritten(old: str, source: str, ascii_only: bool) -> str:
    """Write a source as the old one was: as a string or as a list, laid out in the same way."""
    if not old.startswith("["):
        return json.dumps(source, ensure_ascii=ascii_only)
    places = list(_items(old, 0))
    known = {json.loads(old[start:end]): old[start:end] for start, end in places}
    lines = re.findall(r"[^\n]*\n|[^\n]+", source)
    said = [known.get(line) or json.dumps(line, ensure_ascii=ascii_only) for line in lines]
    if not places:
        return f"[{', '.join(said)}]"
    head, tail = old[: places[0][0]], old[places[-1][1] :]
    between = old[places[0][1] : places[1][0]] if len(places) > 1 else "," + (head[1:] or " ")
    return head + between.join(said) + tail


def _members(raw: str, start: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the keys of the object at `start`, each with the place of its value."""
    at = _skip(raw, start + 1)
    while raw[at] != "}":
        key, at = _DECODER.raw_decode(raw, at)
        at = _skip(raw, _skip(raw, at) + 1)
        end = _DECODER.raw_decode(raw, at)[1]
        yield key, (at, end)
        at = _skip(raw, end)
        at = _skip(raw, at + 1) if raw[at] == "," else at


def _items(raw: str, start: int) -> Iterator[tuple[int, int]]:
    """Yield the place of each item of the list at `start`."""
    at = _skip(raw, start + 1)
    while raw[at] != "]":
        end = _DECODER.raw_decode(raw, at)[1]
        yield at, end
        at = _skip(raw, end)
        at = _skip(raw, at + 1) if raw[at] == "," else at


def _skip(raw: str, at: int) -> int:
    space = _SPACE.match(raw, at)
    return at if space is None else space.end()
