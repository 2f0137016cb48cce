"""Holds the perf tests constant: the same test file, conftests and helpers on both sides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from ... import PerflintError
from ..result import RunResult, TestResult
from ..sample import Side
from ..sides.checkout import Checkout
from .reasons import PerfFile, conftests


@dataclass(frozen=True, slots=True)
class Harness:
    """The files of the harness that differ between the sides.

    They are perf tests, the conftests above them, and the helpers in their folders. `originals`
    maps each, relative to the worktree, to base's own content, or to None where base has no such
    file; `removed` are those that head does not have. `helpers` are the edited ones of each perf
    test's file.
    """

    originals: Mapping[str, bytes | None]
    removed: frozenset[str] = frozenset()
    helpers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def added(self) -> frozenset[str]:
        """The files that base does not have."""
        return frozenset(path for path, original in self.originals.items() if original is None)

    def edited(self, files: Iterable[PerfFile]) -> tuple[str, ...]:
        """Return the perf-test files that base has too, and whose harness the change edits."""
        return tuple(
            file.path
            for file in files
            if file.path not in self.added
            and not self.originals.keys().isdisjoint(self._of(file.path))
        )

    def changed(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the changed files of the harness of these perf-test files."""
        of = {name for path in paths for name in self._of(path)}
        return tuple(sorted(of & self.originals.keys()))

    def users(self, files: Iterable[PerfFile]) -> dict[str, tuple[str, ...]]:
        """Map each edited helper to the perf tests, or files of them, that use it."""
        users: dict[str, list[str]] = {}
        for file in files:
            for name in self.helpers.get(file.path, ()):
                users.setdefault(name, []).extend(file.tests or [file.path])
        return {name: tuple(tests) for name, tests in users.items() if name in self.originals}

    def _of(self, path: str) -> list[str]:
        return [*_of(path), *self.helpers.get(path, ())]

    def use_base_version(self, checkout: Checkout) -> None:
        """Put base's version of the harness into both worktrees."""
        for path, original in self.originals.items():
            for side in Side:
                root = checkout.root(side)
                _put(root, root / path, original)


def share_harness(
    checkout: Checkout,
    files: Iterable[PerfFile],
    helpers: Mapping[str, tuple[str, ...]] | None = None,
) -> Harness:
    """Put head's version of the harness into base's worktree, so that both run the same tests."""
    originals, removed = {}, set()
    helpers = helpers or {}
    harness = {name for file in files for name in (*_of(file.path), *helpers.get(file.path, ()))}
    for path in sorted(harness):
        head, base = (_content(checkout.root(side), path) for side in (Side.HEAD, Side.BASE))
        if head != base:
            originals[path] = base
            _put(checkout.base_root, checkout.base_root / path, head)
        if head is None and base is not None:
            removed.add(path)
    return Harness(originals, frozenset(removed), helpers)


def content_of(root: Path, path: str) -> tuple[bytes, ...]:
    """Return a perf-test file and the conftests above it, those that are there, nearest first."""
    texts = (_content(root, name) for name in _of(path))
    return tuple(text for text in texts if text is not None)


def signed(run: RunResult, root: Path) -> RunResult:
    """Write into each result which harness it was measured with; `root` has these files."""

    def sign(result: TestResult) -> TestResult:
        digest = sha256()
        for path in _of(result.test.path):
            digest.update(f"{path}\0".encode())
            digest.update(_content(root, path) or b"")
            digest.update(b"\0")
        return replace(result, harness=digest.hexdigest()[:16])

    return replace(run, tests=tuple(map(sign, run.tests)))


def _of(path: str) -> list[str]:
    return [path, *conftests(path)]


def _content(root: Path, path: str) -> bytes | None:
    file = root / path
    inside = file.is_file() and file.resolve().is_relative_to(root)
    return file.read_bytes() if inside else None


def _put(root: Path, file: Path, content: bytes | None) -> None:
    """Write or (None) remove a file of the worktree; never write through links."""
    if not file.parent.resolve().is_relative_to(root):
        raise PerflintError(
            f"{file.relative_to(root)} lies behind a link that leaves the repository"
        )
    try:
        _replace(file, content)
    except OSError as error:
        raise PerflintError(
            f"{file.relative_to(root)} cannot be put in place: {error.strerror}; is it a folder in "
            "the other version?"
        ) from error


def _replace(file: Path, content: bytes | None) -> None:
    file.unlink(missing_ok=True)
    # Python takes compiled code for fresh by size and whole seconds: two versions may share both.
    for compiled in (file.parent / "__pycache__").glob(f"{PurePosixPath(file.name).stem}.*.pyc"):
        compiled.unlink()
    if content is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
