"""What a site has: files, their data, and what becomes of the folder."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from torch_perflint import PerflintError
from torch_perflint.bot.history import main
from torch_perflint.bot.past.site import place
from torch_perflint.bot.past.site.badge import badge
from torch_perflint.bot.past.site.blocks import COMMITS
from torch_perflint.bot.past.site.build import build
from torch_perflint.bot.past.site.series_file import picture
from torch_perflint.bot.past.site.timeline import home_page, web_address
from torch_perflint.telemetry.store import Store, open_store

from .made import COMMITS as PLACES
from .made import REPOSITORY, TESTS, commits, point, sha


def told(file: Path) -> Any:
    """What a file of data hands over: a list of arguments."""
    found = re.fullmatch(r"perflint\.data\.\w+\((.*)\);\n", file.read_text(), re.DOTALL)
    assert found is not None
    # A block has a comma behind its last line, which JavaScript allows.
    return json.loads(f"[{found[1].replace(chr(44) + chr(10) + ']', ']')}]")


def sums(numbers: list[int]) -> list[int]:
    return [sum(numbers[: n + 1]) for n in range(len(numbers))]


def test_the_values_of_every_series_are_those_of_the_store(store: Store, tmp_path: Path) -> None:
    built = build(store, tmp_path / "site")
    series = store.series()
    assert built.series == len(series) == 35
    heads: dict[int, Any] = {}
    for file in (tmp_path / "site" / "data").glob("runs-*.js"):
        heads |= {row[0]: row for row in told(file)[1]}
    for number, one in series.items():
        values = store.values(number)
        key, data = told(tmp_path / "site" / "data" / f"series-{one.key[:12]}.js")
        assert key == one.key[:12]
        assert sums(data["p"]) == [value.position for value in values]
        assert data["v"] == pytest.approx([value.value for value in values], rel=1e-6)
        if values[0].low is None:
            assert "l" not in data
        else:
            assert data["l"] == pytest.approx([value.low for value in values], rel=1e-5)
            assert data["h"] == pytest.approx([value.high for value in values], rel=1e-5)
        assert [heads[run][3] for run in sums(data["r"])] == [v.head[:12] for v in values]


def test_a_block_has_the_value_at_or_before_each_of_its_commits(
    store: Store, tmp_path: Path
) -> None:
    build(store, tmp_path / "site")
    keys = {one.key[:12]: number for number, one in store.series().items()}
    for place_ in (2, 3, 63, 64, 65, 127, 128, 131, PLACES):
        _, _, lines = told(tmp_path / "site" / "data" / f"block-0-{place_ // COMMITS}.js")
        assert len(lines) == len(keys)
        for key, positions, values, *_ in lines:
            known = [v for v in store.values(keys[key]) if v.position <= place_]
            shown = [v for p, v in zip(sums(positions), values, strict=True) if p <= place_]
            assert len(shown) > 0 or not known
            if known:
                assert shown[-1] == pytest.approx(known[-1].value, rel=1e-6)


def test_commits_stand_by_their_place_and_hash(store: Store, tmp_path: Path) -> None:
    build(store, tmp_path / "site")
    _, _, rows = told(tmp_path / "site" / "data" / "commits-0-0.js")
    assert rows == [[one.position, one.sha, one.at, one.subject] for one in commits()]
    _, first, digits, text = told(tmp_path / "site" / "data" / "places-0.js")
    assert text[(100 - first) * digits :][:digits] == sha(100)[:digits]


def test_the_index_has_changes_newest_first_with_their_commits(site: Path) -> None:
    (index,) = told(site / "data" / "index.js")
    dates = [row[9] for row in index["changes"]]
    assert dates == sorted(dates, reverse=True)
    assert index["changes"][0][1] == 150
    assert index["changes"][0][10] == sha(150)[:12]
    assert index["repositories"] == [[REPOSITORY, 1, PLACES, f"https://github.com/{REPOSITORY}"]]
    assert index["values"] == sum(row[10] for row in index["series"])


def test_a_run_has_a_page_and_its_report_as_it_was(store: Store, tmp_path: Path) -> None:
    built = build(store, tmp_path / "site", 3)
    (index,) = told(tmp_path / "site" / "data" / "index.js")
    assert built.pages == len(index["runs"]) == 3
    (newest,) = store.runs(limit=1)
    folder = tmp_path / "site" / "runs" / newest.key[:16]
    assert (folder / "report.json").read_bytes() == store.report(newest.key)
    assert "test_gpt_train" in (folder / "index.html").read_text()
    assert len(list((tmp_path / "site" / "runs").iterdir())) == 3


def test_a_report_that_cannot_be_read_is_told_and_the_rest_is_built(
    store: Store, tmp_path: Path
) -> None:
    (run,) = store.runs(limit=1)
    store.add(replace(run, created="2027-01-01T00:00:00Z", kept_as=""), b'{"schema_version":99}')
    built = build(store, tmp_path / "site", 3)
    assert built.pages == 2
    (problem,) = built.problems
    assert "schema version 99" in problem


def test_series_without_a_place_are_left_out_and_counted(store: Store, tmp_path: Path) -> None:
    (run,) = store.runs(limit=1)
    other = replace(point(TESTS[2], 2, 0), test="perf_tests/off.py::test_off")
    store.add(replace(run, head="f" * 40, points=(other,), kept_as=""))
    built = build(store, tmp_path / "site")
    assert (built.series, built.left_out) == (35, 4)


def test_an_empty_history_makes_a_site(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "history.sqlite"), create=True) as store:
        assert build(store, tmp_path / "site").series == 0
    assert "no values yet" in (tmp_path / "site" / "badge.svg").read_text()


def test_an_older_site_gives_way_as_a_whole(store: Store, tmp_path: Path) -> None:
    build(store, tmp_path / "site")
    stale = tmp_path / "site" / "data" / "series-of-old.js"
    stale.write_text("")
    build(store, tmp_path / "site")
    assert not stale.exists()
    assert sorted(file.name for file in tmp_path.iterdir() if "site" in file.name) == ["site"]


def test_a_folder_of_somebody_else_is_refused_and_left_alone(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(PerflintError, match="is no site that perflint has written"):
        build(store, folder)
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_a_failure_in_the_middle_leaves_the_older_site(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(store, tmp_path / "site")
    before = (tmp_path / "site" / "data" / "index.js").read_text()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("torch_perflint.bot.past.site.build.write_index", full)
    with pytest.raises(PerflintError, match="No space left"):
        build(store, tmp_path / "site")
    assert (tmp_path / "site" / "data" / "index.js").read_text() == before
    assert sorted(file.name for file in tmp_path.iterdir() if "site" in file.name) == ["site"]


def test_a_site_that_cannot_be_put_there_leaves_the_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "site"
    (out / "data").mkdir(parents=True)
    (out / "data" / "index.js").write_text("old")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PerflintError, match="Permission denied"), place.new_folder(out):
        pass
    assert (out / "data" / "index.js").read_text() == "old"


def test_the_command_says_where_the_site_is(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["site", "--store", store.name, "--out", str(tmp_path / "out"), "--runs", "2"]
    assert main(words) == 0
    said = capsys.readouterr()
    found = re.fullmatch(
        rf"{re.escape(str(tmp_path))}/out/index\.html: 35 series, 1,920 values, (\d+) changes, "
        r"2 pages of runs\n",
        said.out,
    )
    assert found is not None, said.out
    assert said.err == ""
    # All that were planted, and the two host syncs and three peaks that stepped, are found.
    (index,) = told(tmp_path / "out" / "data" / "index.js")
    names = [(index["series"][row[0]], row) for row in index["changes"]]
    texts = index["texts"]
    seen = {(one[2] + one[3], texts[one[4]], row[1]) for one, row in names}
    assert int(found[1]) == len(index["changes"])
    gpt, convnet = TESTS[0][0], TESTS[2][0]
    assert {(gpt, "throughput", 58), (gpt, "throughput", 132)} <= seen
    assert {(gpt, "peak_bytes", 132), (convnet, "host_syncs", 150)} <= seen
    assert {row[4] for one, row in names if texts[one[4]] == "host_syncs"} == {None}


@pytest.mark.parametrize(
    ("series", "worse", "said"),
    [(0, 0, "no values yet"), (1200, 0, "steady, 1,200 series"), (9, 3, "3 worse in 50 commits")],
)
def test_the_badge_says_it_in_words(series: int, worse: int, said: str) -> None:
    drawn = ElementTree.fromstring(badge(series, worse, 50))
    assert drawn.attrib["aria-label"] == f"performance: {said}"
    assert [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")][1] == said


def test_the_badge_counts_what_got_worse_lately(site: Path) -> None:
    # Of the made-up history's changes in the last fifty commits, one is for the worse.
    assert "1 worse in 50 commits" in (site / "badge.svg").read_text()


def test_a_small_picture_is_of_means_from_low_to_high() -> None:
    assert picture([1.0] * 50 + [2.0] * 50) == [0] * 15 + [99] * 15
    assert picture([5.0, 5.0]) == [49, 49]
    assert picture([]) == []
    assert picture([3.0, 1.0]) == [99, 0]


def test_only_links_to_the_web_are_links() -> None:
    assert web_address("javascript:alert(1)//https://x/") == ""
    assert web_address("https://x/a b") == ""
    assert web_address("https://ghe.example/a/b/actions/runs/1") != ""
    assert home_page("https://ghe.example/a/b/actions/runs/1", "a/b") == "https://ghe.example/a/b"
    assert home_page("https://ghe.example/a/b/actions/runs/1", "c/d") == ""
    assert home_page("javascript://a/b/c/", "b/c") == ""
