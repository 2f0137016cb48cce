"""How much of what readers labelled the linter finds, and how much of what it says is right.

Takes the checkouts of the labelled projects, at the commits of `labels/files.tsv`, in a folder as
`owner+name`. What is found in a statement with a label of its class group is right; what is found
in one that has to stay silent is wrong; what can be argued, and what no label speaks of, counts for
neither (the latter is listed, to be read).
"""

import argparse
import gzip
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SETS = ("first", "second", "third", "fourth", "fifth", "sixth")
# Waits are one thing, wherever they stand.
_WAITS = {"SYNC_LOOP", "SYNC_FORWARD", "LOG_EVERY_STEP"}
_QUIET = {"NOT", "SYNC_GUARDED"}


@dataclass(frozen=True, slots=True)
class Label:
    """What a reader thought of a statement: `first` to `last` line of a file."""

    file: str
    first: int
    last: int
    line: int
    label: str
    of: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of findings, and of labels that should be found."""

    right: int
    wrong: int
    unlabelled: tuple[str, ...]
    found: int
    positives: int

    @property
    def precision(self) -> float:
        """The share of right findings among those that a label judges."""
        judged = self.right + self.wrong
        return self.right / judged if judged else float("nan")

    @property
    def recall(self) -> float:
        """The share of positive labels that are found."""
        return self.found / self.positives if self.positives else float("nan")

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def labels(name: str) -> list[Label]:
    """Read the labels of a set."""
    text = gzip.decompress((HERE / "labels" / f"{name}.jsonl.gz").read_bytes()).decode()
    rows = map(json.loads, text.splitlines())
    return [
        Label(row["file"], *row["stmt"], row["line"], row["label"], row.get("of")) for row in rows
    ]


def found_in(folder: Path, projects: Iterable[str]) -> list[tuple[str, int, str]]:
    """Check each project as a whole; return (file, line, class) of what is found by default."""
    classes = json.loads((HERE / "lint_eval_map.json").read_text())
    command = (sys.executable, "-m", "torch_perflint", "check", ".", "--no-cache", "--exit-zero")
    found = []
    for number, project in enumerate(projects := sorted(projects), 1):
        print(f"\r{number}/{len(projects)} {project:60}", end="", file=sys.stderr, flush=True)
        run = subprocess.run(
            [*command, "--output-format", "jsonl"],
            cwd=folder / project,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,  # files of other Pythons are told in the log
        )
        rows = [
            row for row in map(json.loads, run.stdout.splitlines()) if row["severity"] != "info"
        ]
        about = ((row, classes.get(row["code"])) for row in rows)
        found += [(f"{project}/{row['file']}", row["line"], name) for row, name in about if name]
    print(file=sys.stderr)
    return found


def group(label: str) -> str:
    """Return what a class counts as."""
    return "SYNC" if label in _WAITS else label


def score(known: Iterable[Label], found: Iterable[tuple[str, int, str]]) -> Score:
    """Count each statement once for each group that is found in it."""
    by_file: dict[str, list[Label]] = defaultdict(list)
    for each in known:
        by_file[each.file].append(each)
    said = set()
    for file, line, about in found:
        statements = [(e.first, e.last) for e in by_file[file] if e.first <= line <= e.last]
        inner = min(statements, key=lambda lines: lines[1] - lines[0], default=(line, line))
        if by_file.get(file):
            said.add((file, inner, group(about)))
    right, wrong, met, unlabelled = 0, 0, set(), []
    for file, lines, about in sorted(said):
        here = [each for each in by_file[file] if (each.first, each.last) == lines]
        asked = [e for e in here if e.of is None or group(e.of) == about]
        if hits := [each for each in here if group(each.label) == about]:
            right += 1
            met.update(hits)
        elif any(each.label == "EITHER" for each in asked):
            continue
        elif any(each.label in _QUIET for each in asked):
            wrong += 1
        else:
            unlabelled.append(f"{file}:{lines[0]} {about}")
    positives = [e for each in by_file.values() for e in each if e.label not in {*_QUIET, "EITHER"}]
    return Score(right, wrong, tuple(unlabelled), len(met), len(positives))


def main() -> int:
    """Print the score of each set whose projects are there."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("sources", type=Path, help="a folder with checkouts as owner+name")
    parser.add_argument("sets", nargs="*", choices=[*SETS, []], help="which sets; all by default")
    given = parser.parse_args()
    print("| labels | positives | precision | recall | F1 | unlabelled |")
    print("|:--|--:|--:|--:|--:|--:|")
    for name in given.sets or SETS:
        known = labels(name)
        projects = {label.file.split("/")[0] for label in known}
        if missing := sorted(p for p in projects if not (given.sources / p).is_dir()):
            print(f"| {name} | not there: {', '.join(missing[:3])} | | | | |")
            continue
        result = score(known, found_in(given.sources, projects))
        figures = (result.precision, result.recall, result.f1)
        cells = " | ".join(f"{each:.2f}" for each in figures)
        print(f"| {name} | {result.positives} | {cells} | {len(result.unlabelled)} |", flush=True)
        for place in result.unlabelled:
            print(f"unlabelled: {place}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
