"""How often the linter is right on public code: the table of verdicts, and the sample repeated."""

import argparse
import gzip
import json
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

LABELS = Path(__file__).parent / "labels"
PACKAGES = ("transformers", "timm", "lightning", "accelerate", "trl", "diffusers", "peft")
SEED, SIZE, EACH = 20, 130, 4
SAMPLES = ("first", "second", "third", "fourth", "fifth", "sixth")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reader thought of one finding; `reported`: whether the linter still reports it."""

    reading: str
    rule: str
    project: str
    version: str
    path: str
    line: int
    reported: bool
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A finding as it is drawn."""

    rule: str
    package: str
    path: str
    line: int
    column: int


def verdicts() -> list[Verdict]:
    """Read all verdicts."""
    text = gzip.decompress((LABELS / "verdicts.tsv.gz").read_bytes()).decode()
    found = []
    for row in text.splitlines()[1:]:
        reading, rule, project, version, path, line, reported, verdict, reason = row.split("\t")
        place = (path, int(line or 0), reported == "yes")
        found.append(Verdict(reading, rule, project, version, *place, verdict, reason))
    return found


def hits() -> dict[str, tuple[int, int]]:
    """Read how often each rule speaks by default: in the packages, and in the repositories."""
    rows = (LABELS / "hits.tsv").read_text().splitlines()[1:]
    parts = (row.split("\t") for row in rows)
    return {rule: (int(packages), int(others)) for rule, packages, others in parts}


def precision(counts: Counter[str]) -> str:
    """Return the share of right findings among those that are right or wrong."""
    judged = counts["right"] + counts["wrong"]
    return f"{counts['right'] / judged:.1%}" if judged else "none judged"


def samples_table(found: Iterable[Verdict]) -> str:
    """Return the table of the samples of the packages."""
    lines = [
        "| Sample | Read | Right | Wrong | Arguable | Right of right and wrong | Right of all |",
        "|:--|--:|--:|--:|--:|--:|--:|",
    ]
    by_sample = defaultdict(Counter)
    for each in found:
        by_sample[each.reading][each.verdict] += 1
    for name in SAMPLES:
        counts = by_sample[name]
        cells = (name, counts.total(), *(counts[v] for v in ("right", "wrong", "arguable")))
        of_all = f"{counts['right'] / counts.total():.1%}"
        lines.append(f"| {' | '.join(map(str, cells))} | {precision(counts)} | {of_all} |")
    return "\n".join(lines)


def rules_table(found: Iterable[Verdict], said: dict[str, tuple[int, int]]) -> str:
    """Return the table by rule, of findings that the linter still reports."""
    lines = [
        "| Rule | Packages | Repositories | Read | Right | Wrong | Arguable | Precision |",
        "|:--|--:|--:|--:|--:|--:|--:|--:|",
    ]
    by_rule: dict[str, Counter[str]] = {rule: Counter() for rule in said}
    for each in found:
        if each.reading == "rule" and each.reported:
            by_rule.setdefault(each.rule, Counter())[each.verdict] += 1
    for rule, counts in sorted(by_rule.items()):
        cells = (rule, *said.get(rule, (0, 0)), counts.total())
        cells += tuple(counts[v] for v in ("right", "wrong", "arguable"))
        lines.append(f"| {' | '.join(map(str, cells))} | {precision(counts)} |")
    return "\n".join(lines)


def drawn(found: Sequence[Found], seed: int = SEED) -> list[Found]:
    """Draw a sample in which each rule that speaks is there: four of each, the rest at random."""
    by_rule: dict[str, list[Found]] = defaultdict(list)
    for each in sorted(found, key=lambda f: (f.package, f.rule, f.path, f.line, f.column)):
        by_rule[each.rule].append(each)
    dice = random.Random(seed)
    taken: list[Found] = []
    rest: list[Found] = []
    for rule in sorted(by_rule):
        dice.shuffle(by_rule[rule])
        taken += by_rule[rule][:EACH]
        rest += by_rule[rule][EACH:]
    dice.shuffle(rest)
    return sorted(taken + rest[: max(0, SIZE - len(taken))])


def checked(folder: Path) -> list[Found]:
    """Run the default check in the folder of each package."""
    command = (sys.executable, "-m", "torch_perflint", "check", ".", "--no-cache", "--exit-zero")
    found = []
    for package in PACKAGES:
        run = subprocess.run(
            [*command, "--output-format", "jsonl"],
            cwd=folder / package,
            capture_output=True,
            text=True,
            check=True,
        )
        found += [
            Found(row["code"], package, row["file"], row["line"], row["column"])
            for row in map(json.loads, run.stdout.splitlines())
        ]
    return found


def main() -> int:
    """Print the tables of `docs/precision.md`, or the sample to read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=Path, metavar="DIR", help="draw from packages in DIR")
    folder = parser.parse_args().sample
    if folder is not None:
        for each in drawn(checked(folder)):
            print(f"{each.package}/{each.path}:{each.line}:{each.column} {each.rule}")
        return 0
    found = verdicts()
    print(samples_table(found), rules_table(found, hits()), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
