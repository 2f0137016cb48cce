"""Where the workflows take perflint from: our action at a commit, or packages locked by hash."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ... import PerflintError

PACKAGE = "torch-perflint"

_ACTION = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@(?P<at>\S+)", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
_VERSION = re.compile(r"v?[0-9][\w.+-]{0,63}", re.ASCII)
# `name[extras]==version ; marker --hash=sha256:… --hash=sha256:…`
_LOCKED = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[\w,.-]+\])?==(?P<version>[\w.!+-]+)"
    r"(?:\s*;[\w\s.'\"<>=!()~,-]+?)?(?:\s+--hash=sha256:[0-9a-f]{64})+",
    re.ASCII,
)
_HOW_LOCKED = (
    "write one with `uv pip compile --universal --generate-hashes` or `pip-compile "
    f"--generate-hashes` of a file that says {PACKAGE}[bot]"
)


@dataclass(frozen=True, slots=True)
class Action:
    """Our action, at a commit; `version` is what people call that commit, or empty."""

    name: str
    commit: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name}@{self.commit}" + (f" # {self.version}" if self.version else "")


@dataclass(frozen=True, slots=True)
class Lock:
    """A requirements file in which every package has its hash; `lines` as pip reads them."""

    version: str  # perflint's own
    lines: tuple[str, ...]


Source = Action | Lock


def read_action(text: str, version: str = "") -> Action:
    """Read OWNER/REPO@COMMIT. Raises PerflintError where the commit is no full hash."""
    found = _ACTION.fullmatch(text)
    if found is None or ".." in text:
        raise PerflintError(f"--action {text}: write OWNER/REPO@ and the 40 digits of a commit")
    if not _COMMIT.fullmatch(found["at"]):
        raise PerflintError(
            f"--action {text}: a tag or a branch can be moved to other code, and so can a short "
            f"hash: write all 40 digits, which `git ls-remote https://github.com/{found['name']} "
            f"{found['at']}` shows"
        )
    if version and not _VERSION.fullmatch(version):
        raise PerflintError(f"--action-version {version}: write a version, such as v1.2.3")
    return Action(found["name"], found["at"], version)


def read_lock(text: str, name: str) -> Lock:
    """Read a requirements file that locks perflint and all that it needs by hash.

    Raises PerflintError that names the first line with a package that is not locked.
    """
    lines, version = [], ""
    for line in _joined(text):
        found = _LOCKED.fullmatch(line)
        if found is None:
            raise PerflintError(f"{name}: {line[:80]!r} locks no package by hash: {_HOW_LOCKED}")
        lines.append(line)
        if re.sub(r"[-_.]+", "-", found["name"]).lower() == PACKAGE:
            version = found["version"]
    if not version:
        raise PerflintError(f"{name} does not lock {PACKAGE}: {_HOW_LOCKED}")
    return Lock(version, tuple(lines))


def _joined(text: str) -> Iterator[str]:
    """Each requirement on a line of its own, without comments."""
    whole = re.sub(r"\\\n", " ", text)
    for line in whole.splitlines():
        plain = re.sub(r"(^|\s)#.*", "", line).strip()
        if plain:
            yield re.sub(r"\s+", " ", plain)
