"""Leaves the frames of others out of a failure's traceback, so that the user's own are seen."""

import re
from dataclasses import dataclass, field

# A frame of pytest's short traceback; what is indented below belongs to it.
_FRAME = re.compile(r"(?P<path>\S.*?):\d+: in .+")
_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]|<")
# Of what the user called last, these say nothing: they are how a perf test is run and imported.
_MACHINERY = re.compile(
    r"<frozen |.*[/\\](?:torch_perflint|_pytest|pluggy|importlib|site-packages[/\\]pytest)[/\\]"
    r"|.*[/\\]ast\.py$"
)


@dataclass(slots=True)
class _Part:
    """Lines of a traceback: a frame with its source, or (path "") whatever stands between."""

    path: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def is_outside(self) -> bool:
        """Whether it is a frame of code that is not the repository's: those paths are absolute."""
        return bool(self.path) and (
            _ABSOLUTE.match(self.path) is not None or "site-packages" in self.path
        )


def own_frames(details: str) -> str:
    """Leave out frames outside the repository, but for what its last frame called.

    Of that, only what runs and imports perf tests is left out. One line stands for each gap.
    """
    parts = _parts(details)
    last = max((n for n, part in enumerate(parts) if part.path and not part.is_outside), default=-1)
    shown: list[str] = []
    gap = 0
    for number, part in enumerate(parts):
        if part.is_outside and (number < last or _MACHINERY.match(part.path)):
            gap += 1
            continue
        if gap:
            shown.append(_gap(gap))
            gap = 0
        shown += part.lines
    return "\n".join([*shown, _gap(gap)] if gap else shown)


def _parts(details: str) -> list[_Part]:
    parts = [_Part()]
    for line in details.splitlines():
        frame = _FRAME.fullmatch(line)
        if frame:
            parts.append(_Part(frame["path"], [line]))
        elif parts[-1].path and not line.startswith((" ", "\t")):
            parts.append(_Part("", [line]))  # the error itself, or another section
        else:
            parts[-1].lines.append(line)
    return [part for part in parts if part.lines]


def _gap(count: int) -> str:
    return f"… {count} {'frame' if count == 1 else 'frames'} outside the repository left out"
