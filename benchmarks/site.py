"""Fills a history with 1,000 series of 5,000 values, builds its site, and looks at it in Chromium.

    .venv/bin/python benchmarks/site.py [--series 1000] [--commits 5000] [--keep DIR]

Prints the seconds and the peak memory of building, how large the site is, and how long Chromium
takes from navigation to the first rows, and to a series' plot, from the files on the disk.
"""

import argparse
import gzip
import importlib.util
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType

METRICS = (("throughput", "tokens/s", True), ("peak_bytes", "bytes", False))
REPOSITORY = "acme/minitrain"

BUILD = """\
import json, resource, sys, time
begin = time.monotonic()
from pathlib import Path
from torch_perflint.bot.past.site.build import build
from torch_perflint.bot.past.site.change import Change
from torch_perflint.telemetry.store import open_store
with open_store(sys.argv[1]) as store:
    changes = (Change(2500, 1000.0, 950.0, -0.05, -0.06, -0.04),)
    changes_of = lambda number: changes if number % 10 == 0 else ()
    built = build(store, Path(sys.argv[2]), changes_of=changes_of)
used = resource.getrusage(resource.RUSAGE_SELF)
cpu = used.ru_utime + used.ru_stime
print(json.dumps([time.monotonic() - begin, used.ru_maxrss / 1024, cpu, built.values]))
"""


def fill(path: Path, series: int, commits: int) -> None:
    """Fill a new store, past the tables' own checks: a run of every test at every commit."""
    import sqlalchemy as sa
    from torch_perflint.telemetry import tables
    from torch_perflint.telemetry.readings import READINGS_VERSION
    from torch_perflint.telemetry.record import Commit, Series
    from torch_perflint.telemetry.store import open_store

    rng = random.Random(0)
    shas = [f"{rng.getrandbits(160):040x}" for _ in range(commits)]
    with open_store(str(path), create=True) as store:
        store.place(
            REPOSITORY,
            [
                Commit(
                    sha,
                    place,
                    f"2026-{1 + place * 11 // commits:02}-{1 + place % 28:02}T10:00:00Z",
                    f"Change {place} of the training step (#{place})",
                )
                for place, sha in enumerate(shas, 1)
            ],
        )
        with store.transaction(write=True) as connection:
            connection.execute(
                tables.RUN.insert(),
                [
                    {
                        "id": n,
                        "key": f"{n:064x}",
                        "repository": REPOSITORY,
                        "created": f"2026-{1 + n * 11 // commits:02}-{1 + n % 28:02}T10:00:00Z",
                        "base": shas[n - 2],
                        "head": sha,
                        "perflint": "0.1.0",
                        "status": 0,
                        "environment": None,
                        "source": "ci",
                        "readings": READINGS_VERSION,
                        "link": f"https://github.com/{REPOSITORY}/actions/runs/{n}",
                    }
                    for n, sha in enumerate(shas, 1)
                ],
            )
            for number in range(1, series + 1):
                metric, unit, higher = METRICS[number % 2]
                one = Series(
                    REPOSITORY,
                    f"perf_tests/test_{number // 20}.py::test_model_{number // 2}",
                    "[bf16]",
                    metric,
                    unit,
                    higher,
                    "NVIDIA H200",
                    "2.13.0",
                    "580.1",
                )
                fields = {name: getattr(one, name) for name in Series.__dataclass_fields__}
                connection.execute(
                    tables.SERIES.insert(), [{"id": number, "key": one.key, **fields}]
                )
                level = 1000.0 * (1 + number % 7)
                rows = []
                for place in range(1, commits + 1):
                    value = level * (1 - 0.05 * (place > commits // 2)) * rng.gauss(1, 0.01)
                    rows.append((number, place, place, value, value * 0.99, value * 1.01, 6))
                connection.exec_driver_sql("INSERT INTO point VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        with store.transaction() as connection:
            count = connection.execute(
                sa.select(sa.func.count()).select_from(tables.POINT)
            ).scalar()
    print(f"filled: {count:,} values")


def sizes(site: Path) -> None:
    """Say how large what is loaded first and on opening a series is, plain and compressed."""
    files = [file for file in site.rglob("*") if file.is_file()]
    print(f"site: {len(files):,} files, {sum(f.stat().st_size for f in files) / 1e6:,.0f} MB")
    for name in (
        "data/index.js",
        *(f"data/{f.name}" for f in sorted((site / "data").glob("series-*"))[:1]),
        *(f"data/{f.name}" for f in sorted((site / "data").glob("block-*"))[1:2]),
    ):
        raw = (site / name).read_bytes()
        small = len(gzip.compress(raw))
        print(f"  {name}: {len(raw) / 1e3:,.0f} kB, {small / 1e3:,.0f} kB compressed")


def picture() -> ModuleType:
    """Load the tool that drives Chromium."""
    file = Path(__file__).parents[1] / "docs" / "picture.py"
    spec = importlib.util.spec_from_file_location("picture", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def look(site: Path, times: int = 5) -> None:
    """Say how long it takes until rows are there, and until a series is drawn."""
    tool = picture()
    chromium = tool.find_chromium()
    if chromium is None:
        print("no Chromium: not looked at")
        return
    first, opened = [], []
    with tool.Browser(chromium) as browser:
        for _ in range(times):
            browser.visit(site.joinpath("index.html").as_uri(), 1280)
            browser.wait("document.querySelector('#series tbody tr')")
            first.append(browser.value("perflint.firstView"))
            begin = time.monotonic()
            browser.value("document.querySelector('#series tbody a').click()")
            browser.wait("document.querySelector('#plot canvas')")
            opened.append(1000 * (time.monotonic() - begin))
    print(f"first view: median {statistics.median(first):.0f} ms, most {max(first):.0f} ms")
    print(f"a series opened: median {statistics.median(opened):.0f} ms, most {max(opened):.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--commits", type=int, default=5000)
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep store and site, and use them again"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = asked.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        store, site = folder / "history.sqlite", folder / "site"
        if not store.exists():
            fill(store, asked.series, asked.commits)
        done = subprocess.run(
            [sys.executable, "-c", BUILD, str(store), str(site)],
            check=True,
            capture_output=True,
            text=True,
        )
        seconds, memory, cpu, values = json.loads(done.stdout)
        print(
            f"built: {values:,} values in {seconds:.1f} s ({cpu:.1f} s of processor), "
            f"peak {memory:.0f} MiB"
        )
        sizes(site)
        look(site)


if __name__ == "__main__":
    main()
