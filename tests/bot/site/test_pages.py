"""The overview, a series and a run in a real browser, from files: what people see and do."""

from pathlib import Path
from typing import Any

import pytest
from torch_perflint.bot.past.site.write import write_site
from torch_perflint.telemetry.store import Store

from .driving import ROWS, open_page, open_series, text, troubles
from .made import REPOSITORY, sha

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        ("213700", "tokens/s", "213.7k tokens/s"),
        ("211053.4", "tokens/s", "211.1k tokens/s"),
        ("9999", "tokens/s", "9,999 tokens/s"),
        ("12.3456", "images/s", "12.35 images/s"),
        ("0.0123456", "s", "0.0123 s"),
        ("1.5e9", "tokens/s", "1.500G tokens/s"),
        ("1234567", "per step", "1,234,567 per step"),
        ("0", "per step", "0 per step"),
        ("512", "bytes", "512 bytes"),
        ("66 * 2 ** 20", "bytes", "66.00 MiB"),
        ("0.4127", "share", "41.3 %"),
        ("null", "s", "–"),
        ("-12345.6", "things", "−12.35k things"),
    ],
)
def test_numbers_are_as_people_read_them(
    browser: Any, site: Path, value: str, unit: str, said: str
) -> None:
    open_page(browser, site)
    assert browser.value(f"perflint.words.measure({value}, '{unit}')") == said


def test_the_overview_has_changes_then_all_series(browser: Any, site: Path) -> None:
    open_page(browser, site)
    changes = browser.value(
        "[...document.querySelectorAll('#changes li')].map(one => one.innerText)"
    )
    assert len(changes) == 5
    assert "▼ worse −7.0 %" in changes[0]
    assert "test_convnet_train" in changes[0]
    assert f"{sha(150)[:7]} 2026-10-28 Bump torchvision" in changes[0]
    assert "▲ better" in changes[1]
    assert browser.value("document.querySelector('#changes a[href^=https]').href") == (
        f"https://github.com/{REPOSITORY}/commit/{sha(150)[:12]}"
    )
    assert text(browser, "#count") == "35 of 35 series"
    assert "test_convnet_train" in browser.value(ROWS)[0]
    browser.value("document.querySelector('#changes-more button').click()")
    assert browser.value("document.querySelectorAll('#changes li').length") == 6


def test_filters_narrow_series_and_changes_and_stand_in_the_address(
    browser: Any, site: Path
) -> None:
    open_page(browser, site)

    def choose(name: str, value: str) -> None:
        browser.value(
            f"{name} = document.getElementById('{name}'); {name}.value = '{value}';"
            f"{name}.dispatchEvent(new Event('input', {{bubbles: true}}))"
        )

    choose("search", "GPT bf16")
    assert text(browser, "#count") == "5 of 35 series"
    assert browser.value("document.querySelectorAll('#changes li').length") == 1
    choose("search", "")
    choose("metric", "mfu")
    choose("hardware", "NVIDIA H200")
    assert text(browser, "#count") == "2 of 35 series"
    assert "No change of these series" in text(browser, "#changes-more")
    address = browser.value("location.href")
    browser.visit(address, 1280)
    assert text(browser, "#count") == "2 of 35 series"
    choose("search", "nothing is called so")
    assert text(browser, "#count") == "0 of 35 series"


def test_rows_beyond_the_view_are_drawn_when_it_comes_to_them(browser: Any, site: Path) -> None:
    open_page(browser, site)
    browser.value(
        "perflint.told.series = Array.from({length: 1000}, (_, n) => "
        "[`k${n}`, ...perflint.told.series[0].slice(1)]); perflint.told.changes = [];"
        "perflint.readIndex(); perflint.overview()"
    )
    assert text(browser, "#count") == "1,000 of 1,000 series"
    assert browser.value("document.querySelectorAll('#series tbody tr').length") == 40
    browser.value("scrollTo(0, document.body.scrollHeight)")
    browser.wait("document.querySelectorAll('#series tbody tr').length > 40")
    browser.value("document.querySelector('#series .more').click()")
    browser.wait("document.activeElement.closest('#series tbody')")


def test_a_series_is_drawn_with_intervals_changes_and_links(browser: Any, site: Path) -> None:
    open_series(browser, site)
    assert text(browser, "h1") == "test_gpt_train"
    assert "higher is better · AMD EPYC 9654, 2 cores, 1 thread" in text(browser, "#facts")
    assert browser.value("perflint.plot.data.map(column => column.length)") == [80] * 4
    told = text(browser, "#told")
    assert told.startswith(f"Commit 160 ({sha(160)[:7]}, 2026-11-17, Fuse the bias")
    assert "tokens/s [" in told
    links = browser.value("[...document.querySelectorAll('#links a')].map(one => one.href)")
    assert links[0] == f"https://github.com/{REPOSITORY}/commit/{sha(160)}"
    assert links[1].endswith("/index.html")
    assert links[2] == f"https://github.com/{REPOSITORY}/actions/runs/160"
    browser.wait("document.querySelectorAll('#own-changes li').length === 2")
    assert "+11.0 %" in text(browser, "#own-changes")
    # The colour of the band, 77 of 255 opaque, is on the canvas.
    count = """(() => {
      const canvas = document.querySelector('#plot canvas');
      const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      let found = 0;
      for (let i = 0; i < all.length; i += 4) {
        const near = [86, 180, 233].every((part, n) => Math.abs(all[i + n] - part) < 8);
        if (near && Math.abs(all[i + 3] - 77) < 8) found++;
      }
      return found;
    })()"""
    assert browser.value(count) > 1000


def test_keys_move_over_commits_and_tell_each(browser: Any, site: Path) -> None:
    open_series(browser, site)
    browser.value("document.getElementById('plot').focus()")
    for key, place in (("ArrowLeft", 158), ("Home", 2), ("ArrowRight", 4), ("PageDown", 104)):
        browser.press(key)
        browser.wait(f"document.querySelector('#told').textContent.startsWith('Commit {place} ')")
    browser.press("End")
    browser.wait("document.querySelector('#told').textContent.startsWith('Commit 160 ')")
    assert browser.value("document.querySelector('#told').getAttribute('aria-live')") == "polite"
    browser.press("+")
    low, high = browser.value("[perflint.plot.scales.x.min, perflint.plot.scales.x.max]")
    assert (round(low), round(high)) == (81, 160)
    for _ in range(2):
        browser.press("-")
    assert browser.value("Math.round(perflint.plot.scales.x.min)") == 2


def test_the_mouse_zooms_and_the_button_shows_all(browser: Any, site: Path) -> None:
    open_series(browser, site)
    box = browser.value(
        "(b => [b.left, b.top, b.width, b.height])"
        "(document.querySelector('#plot .u-over').getBoundingClientRect())"
    )
    left, top, width, height = box
    middle = top + height / 2
    browser.drag((left + width * 0.25, middle), (left + width * 0.5, middle))
    browser.wait("perflint.plot.scales.x.max < 100")
    low, high = browser.value("[perflint.plot.scales.x.min, perflint.plot.scales.x.max]")
    assert (low, high) == pytest.approx((2 + 158 * 0.25, 2 + 158 * 0.5), abs=3)
    browser.value("document.querySelector('[data-last=\"0\"]').click()")
    browser.wait("perflint.plot.scales.x.max === 160 && perflint.plot.scales.x.min === 2")
    browser.value("document.querySelector('[data-last=\"100\"]').click()")
    browser.wait("perflint.plot.scales.x.min === 60")


def test_the_table_has_every_value_for_those_who_see_no_plot(browser: Any, site: Path) -> None:
    open_series(browser, site)
    browser.value("document.querySelector('#table summary').click()")
    browser.wait("document.querySelector('#values tbody tr')?.innerText.includes('report')")
    first = text(browser, "#values tbody tr")
    assert first.startswith(f"160 {sha(160)[:7]} Fuse the bias")
    browser.wait(
        "(document.querySelector('#values .more')?.click(), "
        "document.querySelectorAll('#values tbody tr').length === 80)"
    )


def test_a_link_to_a_change_opens_the_series_at_it(browser: Any, site: Path) -> None:
    open_series(browser, site, query="?at=132")
    assert text(browser, "#told").startswith("Commit 132 ")


def test_changes_that_were_found_are_shown_and_some_have_no_size(
    browser: Any, store: Store, tmp_path: Path
) -> None:
    write_site(store, tmp_path / "site", 1)
    open_page(browser, tmp_path / "site", "index.html#/?sort=size")
    row = browser.value(ROWS)[0]
    assert "host syncs" in row
    assert "▲ worse from zero" in row
    browser.value("document.querySelector('#series tbody a').click()")
    browser.wait("document.querySelector('#own-changes li')?.innerText.includes('Bump')")
    assert "0 → 1 per step, confirmed" in text(browser, "#own-changes")
    assert "(one of " in text(browser, "#own-changes")
    assert troubles(browser) == []


def test_a_run_is_opened_and_has_its_report(browser: Any, site: Path) -> None:
    open_page(browser, site, "index.html#/runs")
    browser.value("document.querySelector('#runs-table a').click()")
    browser.wait(
        "document.querySelector('h1')?.textContent.startsWith('Run ')"
        " && document.readyState === 'complete'"
    )
    said = text(browser, "main")
    for word in (
        "▼ slower",
        "−26.3%",
        "host syncs per step",
        "over its budget",
        "aten::mm",
        "minitrain/gpt.py:41",
        "mat1 and mat2",
        "AMD EPYC 9654",
    ):
        assert word in said, word
    assert browser.value("document.querySelector('a[href=\"report.json\"]').href").startswith(
        "file:"
    )
    assert browser.value("document.querySelectorAll('svg.bars').length") == 10
