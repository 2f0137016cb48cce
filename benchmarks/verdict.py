"""Lets asv, pytest-benchmark, pyperf and perflint judge the same commits side by side.

Each line of the file is one run of one tool: `tool` and its `version`, `kind` (0 for two commits
with the same work, else the work that head adds in percent), `number`, `verdict`, `ratio` (seconds
per step of head over those of base, as the tool tells them), `seconds` with all that is around it,
`load` before it, `torch`, and the commits. All tools run one after the other, in random order,
before the next kind's turn. Stop it whenever you like: it goes on with what is missing in the file.
Leave the machine alone meanwhile, or the figures are those of a loaded one.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from commits import make_commits, refuse_other_commits
from environments import cache_folder
from torch_perflint import PerflintError
from verdict_plot import plot
from verdict_runs import KINDS, Line, Planned, missing, order, read
from verdict_table import table
from verdict_tools import TOOLS, Bench, prepare, versions


def run(bench: Bench, commits: Mapping[str, str], planned: Planned) -> Line:
    """Let one tool judge one pair of commits."""
    base, head = commits["base"], commits[str(planned.kind) if planned.kind else "same"]
    load = os.getloadavg()[0]
    begin = time.monotonic()
    told = TOOLS[planned.tool](bench, base, head, planned.number)
    return Line(
        tool=planned.tool,
        version=versions()[planned.tool],
        kind=planned.kind,
        number=planned.number,
        verdict=told.verdict,
        ratio=round(told.ratio, 5),
        seconds=round(time.monotonic() - begin, 1),
        load=round(load, 2),
        torch=version("torch"),
        base=base[:12],
        head=head[:12],
    )


def main() -> None:
    """Run what is missing in the file, then print the table."""
    plan = [*order([*TOOLS])]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="JSON lines; goes on with what is missing")
    parser.add_argument("--runs", type=int, default=len(plan), metavar="N",
                        help="end at so many lines (default: %(default)s)")  # fmt: skip
    parser.add_argument("--folder", type=Path, default=cache_folder() / "verdict", metavar="DIR",
                        help="keeps commits and checkouts (default: %(default)s)")  # fmt: skip
    parser.add_argument("--plot", type=Path, metavar="OUT", help="only draw the file, as an SVG")
    options = parser.parse_args()
    lines = read(options.file)
    if options.plot:
        options.plot.write_text(plot(lines), encoding="utf-8")
        return
    if todo := missing(plan, lines, options.runs):
        folder = options.folder.resolve()
        commits = make_commits(folder / "repository", KINDS)
        seen = [commit for line in lines for commit in (line.base, line.head)]
        refuse_other_commits(seen, commits.values())
        bench = prepare(folder, folder / "repository", cache_folder())
        for planned in todo:
            lines.append(run(bench, commits, planned))
            text = json.dumps(asdict(lines[-1]))
            with options.file.open("a", encoding="utf-8") as file:
                file.write(f"{text}\n")
            print(f"run {len(lines)} of {options.runs}: {text}", flush=True)
    print(table(lines))


if __name__ == "__main__":
    try:
        main()
    except PerflintError as error:
        sys.exit(str(error))
