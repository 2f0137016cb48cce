"""perflint makes PyTorch training performance a standard that a pull request has to meet.

It lints training code for what makes a GPU wait, and measures base and head side by side.
"""

__version__ = "0.1.0"


class PerflintError(Exception):
    """Something the user can mend; its message says what is wrong and what to do about it."""
