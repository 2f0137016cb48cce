"""What the action installs by hash: all that is needed, in the versions that are tested."""

import re
import tomllib

from .written import ROOT

LOCKED = (ROOT / ".ci" / "locked.txt").read_text(encoding="utf-8")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, tuple[str, list[str]]]:
    """Each package with its version and its hashes."""
    found = re.findall(
        r"^([\w.-]+)==(\S+)[^\\\n]*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n?)+)",
        LOCKED,
        re.MULTILINE,
    )
    return {canonical(name): (version, hashes.split()) for name, version, hashes in found}


def test_every_line_belongs_to_a_package_with_hashes() -> None:
    rest = [line for line in LOCKED.splitlines() if not line.startswith(("#", "    --hash="))]
    assert len(rest) == len(locked()) > 10
    assert "http" not in LOCKED


def test_it_has_all_that_linting_and_telling_need() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needs = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["bot"]
    names = {canonical(re.split(r"[<>=~! ]", need)[0]) for need in needs}
    # What builds perflint's own wheel: nothing is fetched without a hash for that either.
    assert names | {"setuptools"} <= set(locked())


def test_versions_are_those_that_our_own_checks_use() -> None:
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    tested = {
        canonical(name): version
        for name, version in re.findall(r"^([\w.-]+)==(\S+)$", constraints, re.MULTILINE)
    }
    differ = {
        name: (version, tested[name])
        for name, (version, _) in locked().items()
        if name in tested and tested[name] != version
    }
    assert differ == {}
