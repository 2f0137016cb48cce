"""The measurements: each part runs what belongs together in turn, and says how it compares."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lint_bars import Bar, ratios, scaled
from lint_corpus import Sample
from lint_timing import CORES, Run, in_turns
from lint_tools import PARSE_ALL, Tools, found, python, torchfix_count
from torch_perflint import PerflintError


@dataclass(frozen=True, slots=True)
class Bench:
    """What there is to measure with. `tenth` is every tenth file of `large`."""

    tools: Tools
    small: Sample
    large: Sample
    tenth: Sample
    for_torchfix: Sample
    scratch: Path
    rounds: int


def against_torchfix(bench: Bench) -> Iterator[Bar]:
    """TorchFix pays per file, perflint mostly for its start: so only TorchFix is scaled up."""
    tools, small, part = bench.tools, bench.small, bench.for_torchfix
    nothing = bench.scratch / "nothing"
    nothing.mkdir()
    (nothing / "empty.py").write_text("import torch\n", encoding="utf-8")
    jobs = (
        tools.ours("perflint", small.folder),
        tools.check_torchfix("start", nothing),
        tools.check_torchfix("TorchFix", part.folder),
    )
    whole = len(part.with_torch) == len(small.with_torch)
    runs = in_turns(jobs, 1 if whole else min(bench.rounds, 3), warm_up=False)
    for done in runs["TorchFix"]:
        if torchfix_count(done.aside) != len(part.with_torch):
            raise PerflintError(f"TorchFix has not checked its files: {done.aside}")
    sizes = {"bytes_part": part.bytes_with_torch(), "bytes_all": small.bytes_with_torch()}
    theirs = [
        scaled(done.cpu_s, start.cpu_s, **sizes)
        for done, start in zip(runs["TorchFix"], runs["start"], strict=True)
    ]
    how = f"CPU, {len(small.lines)} files, cold"
    if not whole:
        how += f"; scaled up from {len(part.with_torch)} of {len(small.with_torch)} with torch"
    yield Bar("TorchFix / perflint", how, ratios(theirs, cpu(runs["perflint"])), at_least=100)


def cold(bench: Bench) -> Iterator[Bar]:
    """The other bars of a first run."""
    tools, small = bench.tools, bench.small
    jobs = (
        tools.ours("perflint", small.folder),
        tools.check_hotpath("hotpath-ai", small.folder),
        python("ast.parse", PARSE_ALL, small.folder),
        tools.start(),
        python("libcst", "import libcst", small.folder),
        python("python", "pass", small.folder),
    )
    runs = in_turns(jobs, bench.rounds)
    how = f"CPU, {len(small.lines)} files, cold"
    ours = cpu(runs["perflint"])
    yield Bar("perflint / hotpath-ai", how, ratios(ours, cpu(runs["hotpath-ai"])), at_most=1)
    parsing = [float(done.aside) for done in runs["ast.parse"]]
    work = less(ours, cpu(runs["start"]))
    yield Bar("(perflint - `--version`) / `ast.parse`", how, ratios(work, parsing), at_most=3)
    work = less(work, less(cpu(runs["libcst"]), cpu(runs["python"])))
    yield Bar(
        "(perflint - `--version` - importing libcst) / `ast.parse`",
        how,
        ratios(work, parsing),
        at_most=3,
    )


def unchanged(bench: Bench) -> Iterator[Bar]:
    """The second run over the same files, beside ruff's."""
    for sample, limit in ((bench.small, 2.7), (bench.large, 1.0)):
        how = f"{len(sample.lines):,} files, unchanged, "
        if "--cache-dir" in bench.tools.options:
            runs = _unchanged(bench, sample)
            ours, theirs = runs["perflint"], runs["ruff"]
            pairs = ratios(wall(ours), wall(theirs))
            yield Bar("perflint / ruff", f"wall, {how}one core", pairs, at_most=limit)
            yield Bar("perflint / ruff", f"CPU, {how}one core", ratios(cpu(ours), cpu(theirs)))
            pairs = ratios(wall(runs["perflint on all"]), wall(runs["ruff on all"]))
            yield Bar("perflint / ruff", f"wall, {how}all cores", pairs)
        else:
            missing = "perflint has no --cache-dir"
            yield Bar("perflint / ruff", f"wall, {how}one core", at_most=limit, missing=missing)
    if "--cache-dir" in bench.tools.options:
        yield _filling(bench)


def _unchanged(bench: Bench, sample: Sample) -> dict[str, tuple[Run, ...]]:
    """Time both on full caches; what perflint takes from its own is what it finds without."""
    tools, folder = bench.tools, sample.folder
    cache = Path(tempfile.mkdtemp(dir=bench.scratch))
    ours, theirs = cache / "ours", cache / "ruff"
    finds = found(tools, sample)
    if found(tools, sample, ours) != finds:
        raise PerflintError("perflint finds something else when it fills its cache")
    jobs = (
        tools.ours("perflint", folder, cache=ours),
        tools.check_ruff("ruff", folder, theirs),
        tools.ours("perflint on all", folder, cache=ours, all_cores=True),
        tools.check_ruff("ruff on all", folder, theirs, all_cores=True),
    )
    runs = in_turns(jobs, 2 * bench.rounds + 1)
    if found(tools, sample, ours) != finds:
        raise PerflintError("perflint finds something else when it reads its cache")
    return runs


def _filling(bench: Bench) -> Bar:
    """What writing the cache adds to a first run."""
    cache = bench.scratch / "fresh"
    folder = bench.small.folder
    jobs = (
        bench.tools.ours("without", folder),
        bench.tools.ours("filling", folder, cache=cache, before=lambda: shutil.rmtree(cache, True)),
    )
    runs = in_turns(jobs, bench.rounds)
    how = f"CPU, {len(bench.small.lines)} files, cold"
    what = "perflint filling its cache / perflint without one"
    return Bar(what, how, ratios(cpu(runs["filling"]), cpu(runs["without"])))


def editor(bench: Bench) -> Iterator[Bar]:
    """One file of about 300 lines, where something is found, and where nothing is."""
    tools, small = bench.tools, bench.small
    report = found(tools, small)
    shown = {f["path"] for f in report["findings"] if f["severity"] != "info"}  # type: ignore[attr-defined]
    for names, what in ((shown, "with findings"), (small.with_torch - shown, "without findings")):
        if not names:
            yield Bar("one file / `import libcst`", what, missing="no such file", at_most=2)
            continue
        name = min(sorted(names), key=lambda name: abs(small.lines[name] - 300))
        how = f"CPU, {small.lines[name]} lines {what}, "
        jobs = [
            python("libcst", "import libcst", small.folder),
            tools.ours("path", small.folder, name),
        ]
        if "--stdin-filename" in tools.options:
            piped = ("--stdin-filename", name, "-")
            jobs.append(tools.ours("stdin", small.folder, *piped, reads=small.folder / name))
        runs = in_turns(jobs, 2 * bench.rounds + 1)
        if len({done[0].said for way, done in runs.items() if way != "libcst"}) > 1:
            raise PerflintError(f"perflint finds something else in {name} when it is piped")
        libcst = cpu(runs["libcst"])
        for way in ("path", "stdin"):
            pairs = ratios(cpu(runs[way]), libcst) if way in runs else ()
            missing = "perflint has no --stdin-filename"
            yield Bar("one file / `import libcst`", how + way, pairs, at_most=2, missing=missing)


def growth(bench: Bench) -> Iterator[Bar]:
    """What the same files cost as one project instead of as one for each package.

    A byte of one in ten files is told for information: it costs less since most of what such a file
    imports is not there to be followed, which is no matter of how many files there are.
    """
    tools, large, tenth = bench.tools, bench.large, bench.tenth
    packages = sorted({name.partition("/")[0] for name in large.lines})
    jobs = (
        *(tools.ours(name, large.folder / name) for name in packages),
        tools.ours("large", large.folder),
        tools.ours("tenth", tenth.folder),
        tools.start(),
        python("libcst", "import libcst", tenth.folder),
    )
    runs = in_turns(jobs, min(bench.rounds, 3), warm_up=False)
    # The start does not grow; without it even a cost that grows faster could look linear.
    start = [a + b for a, b in zip(cpu(runs["start"]), cpu(runs["libcst"]), strict=True)]
    each = zip(*(less(cpu(runs[name]), start) for name in packages), strict=True)
    apart = [sum(seconds) for seconds in each]
    together = less(cpu(runs["large"]), start)
    how = f"CPU, cold, {len(large.lines):,} files together / {len(packages)} packages one by one"
    yield Bar("growth of cost", how, ratios(together, apart), at_most=1.25)
    of_large, of_tenth = (
        [seconds / sum(sample.bytes.values()) for seconds in less(cpu(runs[name]), start)]
        for name, sample in (("large", large), ("tenth", tenth))
    )
    how = f"CPU, cold, a byte of {len(large.lines):,} files / of {len(tenth.lines):,} of them"
    yield Bar("more to follow", how, ratios(of_large, of_tenth))


def several_cores(bench: Bench) -> Iterator[Bar]:
    """What more cores are worth, and that they cost nothing where there is little to do."""
    for sample, rounds in ((bench.small, 5), (bench.large, 3)):
        what = f"{len(CORES)} cores / one core"
        how = f"wall, {len(sample.lines):,} files, cold"
        if len(CORES) < 2:
            yield Bar("several cores / one core", how, missing="no two cores to pin it to")
            continue
        jobs = (
            bench.tools.ours("one", sample.folder),
            bench.tools.ours("several", sample.folder, all_cores=True),
        )
        runs = in_turns(jobs, min(bench.rounds, rounds), warm_up=False)
        if runs["one"][0].said != runs["several"][0].said:
            raise PerflintError("perflint finds something else on several cores")
        yield Bar(what, how, ratios(wall(runs["several"]), wall(runs["one"])))


PARTS: dict[str, Callable[[Bench], Iterator[Bar]]] = {
    "cold": cold,
    "unchanged": unchanged,
    "editor": editor,
    "growth": growth,
    "cores": several_cores,
    "torchfix": against_torchfix,
}


def cpu(runs: Iterable[Run]) -> list[float]:
    return [done.cpu_s for done in runs]


def wall(runs: Iterable[Run]) -> list[float]:
    return [done.wall_s for done in runs]


def less(whole: list[float], part: list[float]) -> list[float]:
    return [a - b for a, b in zip(whole, part, strict=True)]
