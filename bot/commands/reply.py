"""The one comment that answers a command where a reaction cannot say it."""

import re
from collections.abc import Iterable, Sequence

from ...templates import fill
from ..sticky import Comment

_MARKER = re.compile(r"<!-- perflint:reply v1 to=(?P<to>[0-9]{1,20}) -->", re.ASCII)


def refusal(refusals: Sequence[str], done: Sequence[str], comment: int) -> str:
    """Say why it was not done, and what was. Both are Markdown of ours."""
    return _marked(fill("reply.md.j2", refusals=refusals, done=done), comment)


def help_text(comment: int) -> str:
    """Say which commands there are."""
    return _marked(fill("reply.md.j2", refusals=(), done=()), comment)


def answered(standing: Iterable[Comment], me: str, comment: int) -> bool:
    """Whether we have answered a comment; the last line of ours says which one."""
    return any(one.author == me and _to(one.body) == comment for one in standing)


def _marked(body: str, comment: int) -> str:
    return f"{body.rstrip()}\n\n<!-- perflint:reply v1 to={comment} -->"


def _to(body: str) -> int | None:
    found = _MARKER.fullmatch(body.replace("\r\n", "\n").rstrip().rsplit("\n", 1)[-1])
    return int(found["to"]) if found else None
