"""Which files a perf test says that it reads: `reads` of its marker, found in the text. Pure."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import PurePosixPath

# Files that decide what is built, installed or configured: no test can say that it reads none.
_BUILDS = {
    *(".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".cu", ".cuh", ".hip", ".ptx", ".metal"),
    *(".pyx", ".pxd", ".pxi", ".rs", ".go", ".f90", ".so", ".pyd", ".a", ".o", ".dll", ".dylib"),
    *(".cmake", ".toml", ".cfg", ".ini", ".lock", ".env", ".sh", ".in", ".pth", ".whl"),
    *(".egg", ".pyz", ".zip"),  # Python imports from these as from folders
}
_BUILD_NAMES = re.compile(
    r"(requirements|constraints|environment|conda|dockerfile|makefile|cmakelists)", re.IGNORECASE
)

# Files that no training step is thought to read. All else that is not Python is a doubt.
_PROSE = {".md", ".rst", ".adoc"}
# Beside the README these illustrate it; in any other folder they may be data.
_PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".svg", ".pdf", ".ipynb"}
_NOT_CODE = {"LICENSE", "CODEOWNERS", ".gitignore", ".gitattributes", ".mailmap", "CITATION.cff"}
_NOT_CODE_FOLDERS = {".github", ".circleci", ".vscode", ".idea", "docs", "doc"}


def perf_marks(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield each `pytest.mark.perf` (or `mark.perf`) in expressions: the call where it is one."""
    for node in nodes:
        called = set()
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and names_mark(inner.func):
                called.add(inner.func)
                yield inner
            elif names_mark(inner) and inner not in called:
                yield inner


def names_mark(node: ast.AST) -> bool:
    """Whether this is `pytest.mark.perf`, or `mark.perf`."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "perf"
        and getattr(node.value, "attr", getattr(node.value, "id", "")) == "mark"
    )


def reads_of(nodes: Iterable[ast.AST]) -> tuple[str, ...] | None:
    """Return what the perf mark in these expressions says of `reads`.

    None where it says nothing, or where only a run can tell: then every file is a doubt.
    """
    for mark in perf_marks(nodes):
        if not isinstance(mark, ast.Call):
            return None
        for keyword in mark.keywords:
            if keyword.arg == "reads":
                return _texts(keyword.value)
    return None


def _texts(node: ast.expr) -> tuple[str, ...] | None:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    words = isinstance(value, list | tuple) and all(map(is_glob, value))
    return tuple(value) if words else None


def is_glob(value: object) -> bool:
    """Whether this is a glob below the repository's root, in the signs that `matching` knows."""
    if not isinstance(value, str) or not value or value[0] == "/" or ".." in value:
        return False
    try:
        _regex(value)
    except re.error:  # such as [z-a]
        return False
    # Shells know `{a,b}`; here it would fit no file, and so hold for nothing without a word.
    return not re.search(r"\{.*\}", value)


def matching(path: str, patterns: Iterable[str]) -> str | None:
    """Return the first of the globs that fits the file, or None.

    They count from the repository's root. `*` stays within a folder, `**/` crosses any number of
    them, `[ab]` is one of these signs and `[!ab]` any other; a folder stands for all below it.
    """
    return next((pattern for pattern in patterns if _regex(pattern).fullmatch(path)), None)


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    signs = r"(\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\])"
    pattern = pattern.removeprefix("./").rstrip("/")
    if pattern in ("", "."):
        return re.compile(".*")  # the repository's root
    parts = re.split(signs, pattern)
    return re.compile("".join(map(_as_regex, parts)) + "(?:/.*)?")


def _as_regex(part: str) -> str:
    words = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if len(part) > 2 and part[0] + part[-1] == "[]":
        signs = part[1:-1].removeprefix("!")
        no = "" if signs == part[1:-1] else "^"
        escaped = re.sub(r"([\\\[^&|~])", r"\\\1", signs)
        return f"(?!/)[{no}{escaped}]"
    return words.get(part, re.escape(part))


def may_be_declared(path: str) -> bool:
    """Whether a changed file is of a kind of which a test can say that it does not read it.

    What is built or configures (sources of other languages, requirements, pyproject.toml), and what
    has no suffix and may be a submodule, stays a doubt for every test.
    """
    name = PurePosixPath(path)
    plain = name.suffix and name.suffix.lower() not in _BUILDS and name.suffix != ".py"
    return bool(plain) and not _BUILD_NAMES.match(name.name)


def is_doubt(name: str) -> bool:
    """Whether a changed file may matter to any test: configuration, data, a build script."""
    path = PurePosixPath(name)
    if name.endswith((".py", ".pyi")):
        return False
    suffix = path.suffix.lower()
    return not (
        suffix in _PROSE
        or (suffix in _PICTURES and len(path.parts) == 1)
        or path.name in _NOT_CODE
        or path.parts[0] in _NOT_CODE_FOLDERS
    )
