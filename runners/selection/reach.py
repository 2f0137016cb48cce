"""Says what a perf test can reach of a change: by its imports, and by what its processes ran."""

from collections.abc import Sequence

from ..assemble import Measured
from ..sample import PerfTest, Side
from ..sides.checkout import Checkout
from ..sides.hidden import hidden_changes, is_script
from ..sides.provenance import identical
from .declared import matching
from .reasons import PerfFile
from .same_code import same_file
from .select import Choice


class Reach:
    """What the tests of a run can reach.

    `groups` are the files of tests that share a process; `altered`: the dependencies differ.
    """

    def __init__(
        self,
        checkout: Checkout,
        choice: Choice,
        groups: Sequence[Sequence[PerfFile]],
        *,
        altered: bool,
    ) -> None:
        self._checkout, self._choice, self._groups = checkout, choice, groups
        # A file that compiled code reads is not seen by us: where one changed, a test is timed.
        self._unknown = bool(choice.doubts or altered)

    def changes(self, files: tuple[str, ...]) -> list[str]:
        """The changed Python files that these files of perf tests can import."""
        reach = [self._choice.ran.get(path) for path in files]
        return [
            reason.path
            for reason in self._choice.selection.files
            if reason.path.endswith(".py") and any(r is None or reason.path in r for r in reach)
        ]

    def seen(self, test: PerfTest, group: int) -> frozenset[str] | None:
        """The files that the process of a test can import, None where only a run can tell."""
        ran = self._choice.ran.get(test.path)
        return None if ran is None else ran | self._others(test, group)

    def runs_the_same(self, measured: Measured, group: int) -> bool:
        """Whether nothing that a test has run on both sides differs."""
        test = measured.test
        return not self._unknown and identical(
            measured.examined[Side.BASE].provenance,
            measured.examined[Side.HEAD].provenance,
            self._choice.ran.get(test.path),
            self._others(test, group),
            equal=lambda name: self._same_code(name, test),
        )

    def hidden(self, measured: Measured) -> list[str]:
        """The changed files that only a process which the test started can have run."""
        sides = measured.examined.values()
        if not any(one.processes for one in sides):
            return []
        return hidden_changes(
            (reason.path for reason in self._choice.selection.files),
            {name for one in sides for name in one.provenance.files},
            self._choice.ran.get(measured.test.path),
            lambda name: any(is_script(self._checkout.root(side) / name) for side in Side),
        )

    def _same_code(self, name: str, test: PerfTest) -> bool:
        """Whether a file whose text differs runs the same code, and no test reads it as data."""
        if matching(name, test.reads or ()) is not None:
            return False
        return same_file(self._checkout.base_root / name, self._checkout.head_root / name)

    def _others(self, test: PerfTest, group: int) -> frozenset[str]:
        """What the other files of the group can import: the same process runs them all."""
        files = (file.path for file in self._groups[group] if file.path != test.path)
        reach = (self._choice.ran[path] for path in files)
        return frozenset().union(*(found for found in reach if found is not None))
