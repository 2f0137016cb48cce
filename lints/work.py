"""Does what an earlier run has not done already, on as many processors as that is worth."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .cache import Cache, fingerprint_of, own_version
from .config import LintConfig
from .files import UnreadableError
from .only import EVERYTHING
from .paths import is_test_code
from .progress import silent
from .result import Silenced, SourceResult
from .rule_sources import stamp
from .settings import Settings
from .survey import Surveyed

if TYPE_CHECKING:
    from .analysis import Outcome

# Callers of the files at hand are looked for this many files away.
_CALLERS_AWAY = 4


@dataclass(frozen=True, slots=True)
class Effort:
    """How the work is done, which changes nothing about what is found.

    `cache` is the folder of the cache; `processes` how many to use at most (0: as many as there are
    processors); without `shortcuts` every rule sees every statement; `progress` hears how many
    files are done, and of how many. `memory` is what checks that follow each other share instead of
    opening the cache each time.
    """

    cache: Path | None = None
    processes: int = 1
    shortcuts: bool = True
    progress: Callable[[int, int], None] = silent
    memory: Cache | None = None


# One process, and nothing remembered.
ALONE_AT_WORK = Effort()


class Work:
    """The results of the `given` files; `others` are those of the project that may call them."""

    def __init__(
        self,
        root: Path,
        given: Sequence[Surveyed],
        others: Sequence[Surveyed],
        by_hand: frozenset[str],
        settings: Settings,
        cache: Cache,
        effort: Effort,
    ) -> None:
        self._given = given
        self._others = others
        self._by_hand = by_hand
        self._settings = settings
        self._cache = cache
        self._effort = effort
        self._files = {file.name: file for file in (*given, *others)}
        self._trains = any(
            file.trains and not is_test_code(file.name) for file in (*given, *others)
        )
        self._accelerates = any(
            file.accelerates and not is_test_code(file.name) for file in (*given, *others)
        )
        every = [*given, *others]
        self._on_host = any(f.trains and f.optimizes for f in every) and not any(
            file.speaks for file in every
        )
        self._keys: dict[int, bytes] = {}
        # What kept rules from being loaded, once the work is done.
        self.problems: tuple[str, ...] = ()
        self._run = (
            own_version() if effort.cache else (),
            str(root),
            self._trains,
            self._accelerates,
            self._on_host,
            effort.shortcuts,
            fingerprint_of(sorted(self._files)),
        )

    def results(self) -> Iterator[tuple[Surveyed, SourceResult]]:
        """Yield each given file with what was found in it."""
        files = [(file.name, file.digest, self._key(file)) for file in self._given]
        run = fingerprint_of((files, [(file.name, file.digest) for file in self._others]))
        if self._cache.is_whole(run):
            for file in self._given:
                yield file, self._kept(file)
            return
        outcomes = self._worked_out()
        for file in self._given:
            outcome = outcomes.get(file.name)
            yield file, self._unread(file) if outcome is None else outcome.result
        if not self.problems:
            self._cache.keep_whole(run)

    def _configs(self) -> list[LintConfig]:
        """Return the configurations that hold for the given files, each once."""
        found = (self._settings.for_file(file.path) for file in self._given)
        return list({id(config): config for config in found}.values())

    def _key(self, file: Surveyed) -> bytes:
        """Return what a result depends on beside the files themselves."""
        config = self._settings.for_file(file.path)
        if id(config) not in self._keys:
            self._keys[id(config)] = fingerprint_of(
                (self._run, stamp(config.root, config.local), config)
            )
        return self._keys[id(config)]

    def _kept(self, file: Surveyed) -> SourceResult:
        kept = self._cache.result_of(file.path, self._key(file)) if file.matters else None
        if kept is None:
            return self._unread(file)
        _, (_, findings, problems, hidden, *_) = kept
        if not findings and not hidden:
            return SourceResult(problems=problems)
        from .plain import finding_of

        silenced = (Silenced(finding_of(finding), reason) for finding, reason in hidden)
        return SourceResult(tuple(map(finding_of, findings)), problems, tuple(silenced))

    def _unread(self, file: Surveyed) -> SourceResult:
        """Judge a file that mentions no framework: whoever gives it by hand means Python."""
        if file.problem is not None:
            return SourceResult(problems=(f"{file.name} {file.problem}",))
        if file.path not in self._by_hand:
            return SourceResult()
        from .engine import UNPARSABLE, why_unparsable
        from .nodes import parsed

        try:
            parsed(file.source().text)
        except UNPARSABLE as error:
            return SourceResult(problems=(f"{file.name}: {why_unparsable(error)}",))
        return SourceResult()

    def _worked_out(self) -> Mapping[str, "Outcome"]:
        """Look at what nobody has looked at before, or at what it depends on."""
        mattering = [file for file in self._given if file.matters]
        if not mattering and not any(config.local for config in self._configs()):
            return {}
        from .analysis import Analyst, Job, collecting_seldom, outcome_of, plain_outcome, settle
        from .crew import judging
        from .project import Project
        from .registry import chosen_for
        from .terms import terms_of

        configs = self._configs()
        chosen = chosen_for(configs)
        self.problems = chosen.problems
        picked = dict(zip(map(id, configs), chosen.rules, strict=True))
        held = [(file, self._settings.for_file(file.path)) for file in mattering]
        jobs = [Job(file, picked[id(config)], terms_of(config)) for file, config in held]
        jobs += [Job(file) for file in self._callers()]
        keys = {job.file.name: self._key(job.file) if job.rules else b"" for job in jobs}
        known = {}
        for job in jobs:
            kept = self._cache.result_of(job.file.path, keys[job.file.name])
            if kept is not None and self._still_true(kept[0]):
                known[job.file.name] = outcome_of(kept[1])
        project = Project(
            list(self._files),
            self._text,
            trains=self._trains,
            accelerates=self._accelerates,
            on_host=self._on_host,
            own=self._own,
        )
        analyst = Analyst(project, chosen.vocabulary, shortcuts=self._effort.shortcuts)
        judge = judging(analyst, self._effort.processes, self._effort.progress, len(jobs))
        with collecting_seldom():
            outcomes = settle(jobs, known, judge)
        for job in jobs:
            outcome = outcomes[job.file.name]
            if known.get(job.file.name) is not outcome:
                seen = tuple((name, self._digest(name)) for name in sorted(outcome.consulted))
                plain = seen, plain_outcome(outcome)
                self._cache.keep_result(job.file.path, keys[job.file.name], plain)
        return outcomes

    def _still_true(self, seen: Iterable[tuple[str, bytes]]) -> bool:
        return all(self._digest(name) == digest for name, digest in seen)

    def _digest(self, name: str) -> bytes:
        if name == EVERYTHING:
            return self._digest_of_all
        file = self._files.get(name)
        return file.digest if file else b""

    @cached_property
    def _digest_of_all(self) -> bytes:
        """What stays the same while no file of the project that may train changes."""
        own = ((name, self._files[name].digest) for name in self._own if not is_test_code(name))
        return fingerprint_of(sorted(own))

    @cached_property
    def _own(self) -> list[str]:
        """The files that speak of a framework: what classes they define matters to others."""
        return [name for name, file in sorted(self._files.items()) if file.matters]

    def _text(self, name: str) -> str | None:
        """Read a file that another one asks about."""
        try:
            source = self._files[name].source()
        except UnreadableError:
            return None  # told where that file itself is checked
        return source.text

    def _may_call(self, file: Surveyed) -> bool:
        """Whether a file may call others in every step, or hand a loader to them."""
        if not file.matters or is_test_code(file.name):
            return False
        return file.hot or "oader" in (self._text(file.name) or "")

    def _callers(self) -> list[Surveyed]:
        """Return the other files with hot code that name a given file's module, or its callers."""
        waiting = [file for file in self._others if self._may_call(file)]
        found: list[Surveyed] = []
        named = {_module(file.name) for file in self._given}
        for _ in range(_CALLERS_AWAY if named else 0):
            pattern = re.compile(rf"\b({'|'.join(map(re.escape, sorted(named)))})\b")
            callers = [f for f in waiting if pattern.search(self._text(f.name) or "")]
            waiting = [file for file in waiting if file not in callers]
            found += callers
            named = {_module(file.name) for file in callers}
            if not named:
                break
        return found


def _module(name: str) -> str:
    """Return the word by which others import a file."""
    path = PurePosixPath(name)
    return path.parent.name if path.stem == "__init__" else path.stem
