"""Says in a sentence why `torch.compile` broke a graph or compiled once more, and where. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..sample import Reason

GRAPH_BREAKS, RECOMPILES = "graph_breaks", "recompiles"
# What people call one of them.
_ONE = {GRAPH_BREAKS: "graph break", RECOMPILES: "recompilation"}

# What people read of it is one sentence; PyTorch names types and arguments at any length.
_LONGEST = 300

# Of a branch on a tensor's value: "generic_jump TensorVariable()".
_JUMP = "generic_jump "
_EXPLANATION = re.compile(r"\bExplanation: (.+?)(?=\n\s*Hint: |\n\s*\n|\Z)", re.DOTALL)
_END_OF_SENTENCE = re.compile(r"(?<!e\.g)(?<!i\.e)\.\s")
# "7/0: " before a guard, the number of the compilation whose guard it is.
_COMPILATION = re.compile(r"^\d+/\d+(?:_\d+)?: ")
# What is otherwise in each process, and what says nothing to people.
_NOISE = re.compile(r" at 0x[0-9a-fA-F]+|\b\d{12,}\b| \(has_kwargs \w+\)| \(e\.g\. `[^`]*`\)")
_FRAME = re.compile(r'^\s*File "([^"\n]+)", line (\d+)', re.MULTILINE)
# Behind a guard stands the line that made it, and the end of its file's path.
_MADE_BY = re.compile(r"  # .*?  # (\S+):(\d+) in ")
_SENTENCES = ("tensor '", "GLOBAL_STATE ", "Unable to ", "Tensor ", "Duplicate ", "could not ")


@dataclass(frozen=True, slots=True)
class Told:
    """What PyTorch says of one break or compilation.

    `frames` are the places in the program that it names, by file and line, the innermost last;
    without any, `function` is where what was compiled begins.
    """

    counter: str
    text: str
    frames: tuple[tuple[str, int], ...] = ()
    function: tuple[str, int] | None = None


def reasons_of(told: Iterable[Told], own: Callable[[str], str | None], root: str) -> list[Reason]:
    """Put each into a sentence at a line of the repository, and count those that are alike.

    `own` returns the path in the repository of a file, None for one of others. Messages name files
    by their whole path: `root`, the worktree's, is left out of them.
    """
    counts: Counter[tuple[str, str, int, str]] = Counter()
    for one in told:
        path, line = _place(one, own)
        counts[one.counter, path, line, sentence(one, root)] += 1
    return [Reason(*key, count) for key, count in sorted(counts.items())]


def sentence(told: Told, root: str = "") -> str:
    """Put what PyTorch says into one short sentence; what differs in every process is left out."""
    words = _guard(told.text) if told.counter == RECOMPILES else _break(told.text)
    words = _NOISE.sub("", words.replace(f"{root}/", "") if root else words)
    words = " ".join(words.split()).rstrip(".")
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def kind(reason: Reason) -> str:
    """Return what people call one of what is counted."""
    return _ONE.get(reason.counter, "compilation")


def _break(text: str) -> str:
    if text.startswith(_JUMP):
        on = text.removeprefix(_JUMP)
        return "a branch on a tensor's value" if on.startswith("Tensor") else f"a branch on `{on}`"
    if text == "step_unsupported":
        return "`torch.compile` cannot trace this line"
    explained = _EXPLANATION.search(text)
    told = explained[1] if explained else text.strip().partition("\n")[0]
    return _END_OF_SENTENCE.split(told, maxsplit=1)[0]


def _guard(text: str) -> str:
    failed = _COMPILATION.sub("", text).partition("\n")[0]
    condition = failed.partition("  # ")[0].strip()
    if condition.startswith(_SENTENCES) or "`" in condition:
        return condition
    return f"`{condition}` does not hold any more"


def _place(told: Told, own: Callable[[str], str | None]) -> tuple[str, int]:
    for file, line in reversed((*told.frames, *_frames_of_text(told))):
        path = own(file)
        if path is not None:
            return path, line
    if told.function is None:
        return "", 0
    file, line = told.function
    path = own(file)
    if path is None:
        return "", 0
    made = _MADE_BY.search(told.text) if told.counter == RECOMPILES else None
    # PyTorch cuts the path's front.
    return (path, int(made[2])) if made and file.endswith(made[1]) else (path, line)


def _frames_of_text(told: Told) -> list[tuple[str, int]]:
    if told.counter != RECOMPILES:
        return []
    return [(file, int(line)) for file, line in _FRAME.findall(told.text)]
