"""Reads what a project declares to need, in the words of pip; nothing is installed here."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ... import PerflintError

_COMMENT = re.compile(r"(^|\s+)#.*$")
_INCLUDES = re.compile(r"(-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(\S.*)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s*=\s*|\s+|(?<=-e))(\S.*)")
_LINKS = re.compile(r"(-f|--find-links)(?:\s*=\s*|\s+)(\S.*)")
_NAMED = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?")
_EGG = re.compile(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)")
_PATH = re.compile(r"(?:file:)?(?!//)([^\[\s;]+)(?:\[([^\]]*)\])?")
_ARCHIVE = re.compile(r"\.(whl|zip|tar\.\w+|tgz)(\s|;|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Declared:
    """What one side declares: lines for pip, in order, without comments and the project itself.

    `constraints` limit versions and install nothing. `by_file` maps each file that was read,
    relative to the root, to the lines that it contributes.
    """

    lines: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    by_file: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The normalised names of the distributions that it asks for by name."""
        return frozenset(name for line in self.lines if (name := name_of(line)))


def read_declared(root: Path, sources: Iterable[str]) -> Declared:
    """Read each of `sources` below `root`: requirements files, and `.[extra]` for pyproject.toml.

    A file that is not there declares nothing. Requirements that are folders of the repository, the
    project itself above all, are replaced by what these declare in turn: their code comes from the
    worktree and must not be installed. Raises PerflintError for a file outside `root`.
    """
    reader = _Reader(root.resolve())
    for source in sources:
        if extras := extras_of(source):
            reader.read_project(PurePosixPath("."), extras)
        else:
            reader.read_file(PurePosixPath(source))
    return reader.declared()


def is_project(source: str) -> bool:
    """Whether a source stands for pyproject.toml: `.`, or `.[extra]`."""
    return bool(extras_of(source))


def extras_of(source: str) -> tuple[str, ...]:
    """Return the extras that `.[a,b]` names, "" for the plain dependencies; nothing for a file."""
    found = re.fullmatch(r"\.(?:\[([\w.,\s-]*)\])?", source.strip())
    return () if found is None else ("", *_words(found[1]))


def normalised(name: str) -> str:
    """Write a distribution's name in the one way in which all its spellings agree."""
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(line: str) -> str | None:
    """Return the normalised name of the distribution that a line asks for; None if it has none."""
    if is_url(line):
        egg = _EGG.search(line)
        named = _NAMED.match(line) if " @ " in line else None
        found = named or egg
        return normalised(found[1]) if found else None
    found = None if line.startswith("-") else _NAMED.match(line)
    return normalised(found[1]) if found else None


def is_url(line: str) -> bool:
    """Whether a requirement says where it comes from, so that its version says little."""
    requirement = line.split(";")[0]
    if requirement.startswith("-") and not _EDITABLE.match(requirement):
        return False
    return "://" in requirement or " @ " in requirement or bool(_ARCHIVE.search(requirement))


def _words(extras: str | None) -> Iterator[str]:
    return (normalised(word.strip()) for word in (extras or "").split(",") if word.strip())


class _Reader:
    """Follows files to what they include; each is read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._own = _table(self._toml(PurePosixPath("pyproject.toml")), "project").get("name")
        self._lines: dict[str, None] = {}
        self._constraints: dict[str, None] = {}
        self._by_file: dict[str, set[str]] = {}
        self._seen: set[tuple[str, str]] = set()

    def declared(self) -> Declared:
        by_file = {name: frozenset(lines) for name, lines in self._by_file.items()}
        return Declared(tuple(self._lines), tuple(self._constraints), by_file)

    def read_file(self, path: PurePosixPath, *, constrains: bool = False) -> None:
        """Read a requirements file, or a file of constraints."""
        text = self._text(path, "constraints" if constrains else "requirements")
        if text is None:
            return
        for line in _logical_lines(text):
            self._line(line, path, constrains=constrains)

    def read_project(self, folder: PurePosixPath, extras: tuple[str, ...]) -> None:
        """Read the dependencies in a folder's pyproject.toml; the extra "" is what all need."""
        path = folder / "pyproject.toml"
        document = self._toml(path)
        self._by_file.setdefault(str(path), set())
        project = _table(document, "project")
        extra_lines = _table(project, "optional-dependencies").items()
        optional = {normalised(name): lines for name, lines in extra_lines}
        for extra in extras:
            if not self._is_new(path, f"[{extra}]"):
                continue
            lines = optional.get(extra, []) if extra else project.get("dependencies", [])
            for line in _texts(lines):
                self._line(" ".join(line.split()), path)
        if "" in extras and "dependencies" in _texts(project.get("dynamic", [])):
            for name in dynamic_files(document):
                self.read_file(folder / name)

    def _line(self, line: str, path: PurePosixPath, *, constrains: bool = False) -> None:
        if include := _INCLUDES.fullmatch(line):
            if "://" in include[2]:
                self._add(line, path, constrains=constrains)
            else:
                inner = constrains or include[1] in ("-c", "--constraint")
                self.read_file(path.parent / include[2].strip(), constrains=inner)
            return
        editable = _EDITABLE.fullmatch(line)
        target = editable[1].strip() if editable else line
        if links := _LINKS.fullmatch(line):
            line = self._links(links[1], links[2], path)
        elif folder := self._folder(target):
            self.read_project(folder[0], folder[1])
            return
        elif self._is_own(line):
            named = _NAMED.match(line)
            self.read_project(PurePosixPath("."), ("", *_words(named[2] if named else None)))
            return
        self._add(line, path, constrains=constrains)

    def _add(self, line: str, path: PurePosixPath, *, constrains: bool) -> None:
        (self._constraints if constrains else self._lines)[line] = None
        self._by_file[str(path)].add(f"-c {line}" if constrains else line)

    def _links(self, option: str, where: str, path: PurePosixPath) -> str:
        """Turn a folder that counts from the file to one that counts from the root."""
        beside = path.parent / where
        return f"{option} {beside}" if (self._root / beside).exists() else f"{option} {where}"

    def _folder(self, target: str) -> tuple[PurePosixPath, tuple[str, ...]] | None:
        """Return the folder of the repository that a requirement is, and the extras it names."""
        found = _PATH.match(target)
        if found is None or "://" in target or " @ " in target:
            return None
        if not target.startswith((".", "file:")) and "/" not in found[1]:
            return None
        folder = (self._root / found[1]).resolve()
        if not folder.is_dir() or not folder.is_relative_to(self._root):
            return None
        inside = PurePosixPath(folder.relative_to(self._root).as_posix())
        return inside, ("", *_words(found[2]))

    def _is_own(self, line: str) -> bool:
        return isinstance(self._own, str) and name_of(line) == normalised(self._own)

    def _toml(self, path: PurePosixPath) -> dict[str, Any]:
        try:
            return tomllib.loads(self._inside(path).read_bytes().decode("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            return {}  # of head's, the configuration's reader has complained by now

    def _text(self, path: PurePosixPath, kind: str) -> str | None:
        if not self._is_new(path, kind):
            return None
        try:
            raw = self._inside(path).read_bytes()
        except OSError:
            return None
        self._by_file.setdefault(str(path), set())
        return raw.decode("utf-8-sig", errors="replace")

    def _inside(self, path: PurePosixPath) -> Path:
        file = (self._root / path).resolve()
        if not file.is_relative_to(self._root):
            raise PerflintError(
                f"the requirements name {path}, which lies outside the repository: perflint reads "
                "requirements of the two versions only"
            )
        return file

    def _is_new(self, path: PurePosixPath, kind: str) -> bool:
        before = len(self._seen)
        self._seen.add((str(self._inside(path)), kind))
        return len(self._seen) > before


def dynamic_files(document: Mapping[str, Any]) -> list[str]:
    """Return the requirements files that setuptools takes the dependencies from."""
    files = _table(document, "tool.setuptools.dynamic.dependencies").get("file", [])
    return [files] if isinstance(files, str) else list(_texts(files))


def _logical_lines(text: str) -> Iterator[str]:
    """Yield lines as pip reads them: joined at backslashes, without comments, single spaces."""
    parts: list[str] = []
    for line in [*text.splitlines(), ""]:
        comment = _COMMENT.match(line) is not None
        if line.endswith("\\") and not comment:
            parts.append(line.strip("\\"))
            continue
        # A comment line ends what was to be continued.
        whole = "".join([*parts, f" {line}" if comment else line])
        parts = []
        if words := " ".join(_COMMENT.sub("", whole).split()):
            yield words


def table_at(document: Mapping[str, Any], dotted: str) -> Any:
    """Return what a TOML document holds under a dotted name; None for nothing."""
    found: Any = document
    for key in dotted.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _table(document: Mapping[str, Any], dotted: str) -> dict[str, Any]:
    value = table_at(document, dotted)
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> Iterator[str]:
    return (
        (text for text in value if isinstance(text, str)) if isinstance(value, list) else iter(())
    )
