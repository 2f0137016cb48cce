"""What the site needs at its start: every series in short, the newest changes and runs. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ....telemetry.record import Commit, Series
from ....telemetry.snapshot import Columns, Head
from .change import Change
from .script import call, words
from .series_file import change_row, picture, short_key

# Of what changed, so many of the newest are on the first page; a series' page has all of its own.
_MOST_CHANGES = 300
# What each version of the data changed; a page only reads its own.
DATA_VERSION = 1


@dataclass(slots=True)
class Index:
    """What has been seen so far; texts that many series share are kept once."""

    repositories: dict[str, int] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    rows: list[list[object]] = field(default_factory=list)
    changes: list[tuple[int, int, Change]] = field(default_factory=list)
    values: int = 0
    left_out: int = 0

    def repository(self, name: str) -> int:
        """Number a repository."""
        return self.repositories.setdefault(name, len(self.repositories))

    def add(self, series: Series, at: Columns, changes: Sequence[Change]) -> None:
        """Note a series with its newest value, a small picture, and its last change."""
        repository = self.repository(series.repository)
        last = (at.values[-1], at.lows[-1], at.highs[-1])
        newest = [None if word == "null" else float(word) for one in last for word in words([one])]
        shared = (series.metric, series.unit, series.hardware, series.torch, series.driver)
        number = len(self.rows)
        self.rows.append(
            [short_key(series), repository, series.test, series.parameters]
            + [self._text(text) for text in shared]
            + [int(series.higher_is_better), len(at.values), at.positions[-1], *newest]
            + [picture(at.values)]
        )
        self.values += len(at.values)
        self.changes += [(number, repository, one) for one in changes]

    def wanted(self) -> dict[int, set[int]]:
        """Return for each repository the places of the commits that brought a change."""
        found: dict[int, set[int]] = {}
        for _, repository, change in self.changes:
            found.setdefault(repository, set()).add(change.position)
        return found

    def _text(self, text: str) -> int:
        return self.texts.setdefault(text, len(self.texts))


def write_index(
    index: Index,
    commits: dict[int, dict[int, Commit]],
    places: Sequence[Sequence[int]],
    homes: Sequence[str],
    runs: Iterable[Head],
    made: str,
    version: str,
) -> str:
    """Write the script; `commits` are by repository and place, the others by repository."""
    told = {
        "version": DATA_VERSION,
        "made": made,
        "perflint": version,
        "values": index.values,
        "leftOut": index.left_out,
        "repositories": [
            [name, *places[number], homes[number]] for name, number in index.repositories.items()
        ],
        "texts": list(index.texts),
        "series": index.rows,
        "changes": _changes(index, commits),
        "runs": [
            [
                *(one.key[:16], one.repository, one.base[:12], one.head[:12]),
                one.created[:25],
                one.status,
            ]
            for one in runs
        ],
    }
    return call("index", told)


def _changes(index: Index, commits: dict[int, dict[int, Commit]]) -> list[list[object]]:
    """The changes with their commits, newest first."""
    told = []
    for number, repository, change in index.changes:
        commit = commits.get(repository, {}).get(change.position)
        at = ("", "", "") if commit is None else (commit.at, commit.sha[:12], commit.subject)
        told.append((at[0], [number, *change_row(change), *at]))
    told.sort(key=lambda one: one[0], reverse=True)
    return [row for _, row in told[:_MOST_CHANGES]]
