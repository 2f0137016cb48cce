"""What `perflint check --add-ignore` does: it writes the comments into the files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .. import PerflintError
from .add_ignore import stays_python, with_ignores
from .files import UnreadableError, read_source
from .fix import Fixed
from .fixing import FixedFile, write
from .outcome import counted

if TYPE_CHECKING:
    from .check import CheckResult
    from .finding import Finding


def add_ignores(result: "CheckResult", root: Path, reason: str) -> list[str]:
    """Silence all findings of a result where they stand; return what went wrong."""
    problems: list[str] = []
    files = silenced = 0
    for name in dict.fromkeys(finding.path for finding in result.findings):
        of_file = [finding for finding in result.findings if finding.path == name]
        try:
            if _silenced(root, name, of_file, reason):
                files, silenced = files + 1, silenced + len(of_file)
        except PerflintError as error:
            problems.append(str(error))
    if files:
        inside = f"{counted(silenced, 'finding')} in {counted(files, 'file')}"
        print(f"perflint: silenced {inside}", file=sys.stderr)
    return problems


def _silenced(root: Path, name: str, findings: "list[Finding]", reason: str) -> bool:
    try:
        before = read_source(root / name)
        after = with_ignores(before, findings, reason)
        after.encoded()
    except UnreadableError as error:
        raise PerflintError(f"{name} {error}") from error
    except UnicodeEncodeError as error:
        said = f"{name} is in {before.encoding}, which cannot hold {reason!r}"
        raise PerflintError(said) from error
    if not stays_python(after) and stays_python(before):
        raise PerflintError(f"{name}: a comment would break it; silence its findings by hand")
    file = FixedFile(name, before, Fixed(after))
    if file.differs:
        write(root, file)
    return file.differs
