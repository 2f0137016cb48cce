"""`perflint check --show-settings`: what holds for a path."""

import sys
from collections.abc import Sequence
from pathlib import Path

from .. import PerflintError
from .config import LintConfig


def show(paths: Sequence[Path], config: LintConfig) -> int:
    """Show what holds for each path. Raises PerflintError for a path that does not exist."""
    from .settings import Settings
    from .show_settings import as_text

    settings = Settings(config)
    for path in paths:
        if not path.exists():
            raise PerflintError(f"{path} does not exist: give files or folders that do")
        sys.stdout.write(as_text(settings, path))
    return 0
