"""Asks a person about each fix."""

from collections.abc import Callable

from .diffs import hunks
from .files import SourceFile
from .finding import Finding
from .fix import edited

_QUESTION = "Apply this fix? [y]es, [n]o, [a]ll from here on, [q]uit: "
_ANSWERS = {"y": "y", "yes": "y", "n": "n", "no": "n", "a": "a", "all": "a", "q": "q", "quit": "q"}


class Asker:
    """Shows fixes one by one; remembers when all or none of the rest are wanted."""

    def __init__(self, say: Callable[[str], None], read: Callable[[], str]) -> None:
        self._say = say
        self._read = read
        self._rest: bool | None = None

    def __call__(self, finding: Finding, source: SourceFile) -> bool:
        """Whether the fix is wanted."""
        if self._rest is not None:
            return self._rest
        self._say(_shown(finding, source))
        match self._answer():
            case "a":
                self._rest = True
            case "q":
                self._rest = False
            case answer:
                return answer == "y"
        return self._rest

    def _answer(self) -> str:
        while True:
            self._say(_QUESTION)
            said = self._read()
            if not said:  # the end of the input: nobody is there any more
                self._say("\n")
                return "q"
            if answer := _ANSWERS.get(said.strip().lower()):
                return answer


def _shown(finding: Finding, source: SourceFile) -> str:
    kind = "keeps results bit for bit"
    if finding.fix and not finding.fix.safe:
        kind = f"may change results: `perflint explain {finding.code}` says how"
    changed = edited(source, [finding])
    return (
        f"\n{finding.place}: {finding.code} {finding.message} [{finding.rule}]\n"
        f"This fix {kind}.\n{hunks(source.text, changed.text)}"
    )
