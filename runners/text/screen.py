"""What the terminal that we write to is like."""

import os
import shutil
import sys


def width() -> int:
    """Return its columns; 100 where nobody tells."""
    return shutil.get_terminal_size((100, 24)).columns


def wants_color() -> bool:
    """Whether it shows colours, and nobody has forbidden them."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
