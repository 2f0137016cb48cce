"""Applies fixes to files, and makes sure that what it writes is still Python."""

import ast
import os
from collections.abc import Iterable
from pathlib import Path

from .. import PerflintError
from .engine import apply_fixes
from .files import read_source
from .finding import Finding


def fix_file(path: Path, findings: Iterable[Finding], *, unsafe: bool) -> int:
    """Apply a file's safe fixes, and if wanted the unsafe ones; return how many there were."""
    fixable = [f for f in findings if f.fix is not None and (unsafe or f.fix.safe)]
    if not fixable:
        return 0
    source = read_source(path)
    text = apply_fixes(source.text, fixable)
    try:
        ast.parse(text)
    except SyntaxError as error:
        rules = ", ".join(sorted({finding.rule for finding in fixable}))
        raise RuntimeError(f"the fixes of {rules} would break {path}: {error}") from error
    _replace(path, text.encode(source.encoding))
    return len(fixable)


def _replace(path: Path, raw: bytes) -> None:
    """Write a file as a whole or not at all, with its permissions, through a link if it is one."""
    target = path.resolve()
    half = target.with_name(target.name + ".perflint")
    try:
        half.write_bytes(raw)
        half.chmod(target.stat().st_mode & 0o7777)
        os.replace(half, target)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise PerflintError(f"cannot write {path}: {error.strerror}") from error
