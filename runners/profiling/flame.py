"""A step as a tree: lines of the repository, what they call, and the operators below. Pure."""

from dataclasses import dataclass, field

from .recording import Kind, Line, Recording
from .walls import stacks

# Less than this share of a step is too narrow to be seen.
NARROWEST = 0.001
# Lines further in than this are a function that calls itself: they count for the last one that is
# shown. Trees are read and written by functions that call themselves, too.
DEEPEST = 64


@dataclass(slots=True)
class Frame:
    """A line ("train.py:12") or an operator, with what it takes of all steps in nanoseconds."""

    name: str
    nanoseconds: int = 0
    children: dict[str, "Frame"] = field(default_factory=dict)

    def child(self, name: str) -> "Frame":
        """The frame of this name below this one."""
        return self.children.setdefault(name, Frame(name))


def flame(recording: Recording) -> Frame:
    """Add up the stacks of lines within the steps, with the outermost operators on top of them.

    Time is that of the step's thread; backward is where it is called.
    """
    root = Frame("step")
    calls = _outermost(recording)
    number = 0
    steps = iter(recording.spans)
    step = next(steps, None)
    cuts = sorted({moment for span in recording.spans for moment in span})
    for begin, end, lines in stacks(recording.marks, cuts):
        while step is not None and step[1] <= begin:
            step = next(steps, None)
        if step is None:
            break
        if begin < step[0]:
            continue
        frame = root
        root.nanoseconds += end - begin
        for line in lines[:DEEPEST]:
            if line is not None:
                frame = frame.child(_name(line))
                frame.nanoseconds += end - begin
        while number < len(calls) and calls[number][2] <= begin:
            number += 1
        index = number
        while index < len(calls) and calls[index][1] < end:
            name, start, until = calls[index]
            frame.child(name).nanoseconds += min(until, end) - max(start, begin)
            index += 1
    _prune(root, int(root.nanoseconds * NARROWEST))
    return root


def _outermost(recording: Recording) -> list[tuple[str, int, int]]:
    """The operators of the steps' thread that no other one called, in order, from when to when."""
    events = recording.events
    mine = (events.thread == recording.marks.thread) & (events.kind == Kind.OPERATOR)
    operators = events.take(mine)
    found: list[tuple[str, int, int]] = []
    for name, (start, end) in zip(operators.name.tolist(), operators.spans(), strict=True):
        if not found or start >= found[-1][2]:
            found.append((events.names[name], start, end))
    return found


def _name(line: Line) -> str:
    path, number = line
    return f"{path}:{number}"


def _prune(frame: Frame, narrowest: int) -> None:
    frame.children = {
        name: child for name, child in frame.children.items() if child.nanoseconds > narrowest
    }
    for child in frame.children.values():
        _prune(child, narrowest)
