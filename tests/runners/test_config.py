"""The [tool.perflint.runners] table."""

from pathlib import Path
from typing import Any

import pytest
from torch_perflint import PerflintError
from torch_perflint.lints.keys import ROOMS
from torch_perflint.runners.config import RunnersConfig, doubts, load_config, parse_config


@pytest.mark.parametrize("text", [None, "", "[tool.perflint]\n", "[tool]\nother = 1\n"])
def test_without_the_table_the_defaults_hold(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    assert load_config(tmp_path) == RunnersConfig()


def test_every_key_is_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        """
        [tool.perflint.runners]
        paths = ["perf"]
        threads = 2
        timeout = 10
        max_seconds = 5.5
        min_effect = 0.05
        budgets = { host_syncs = 1, operators = 0 }
        peak_flops = { float32 = 1.2e12, bfloat16 = 3 }
        pytest_args = ["--device", "cpu"]
        requirements = ["requirements/train.txt", ".[train]"]
        install = ["uv", "sync"]
        """
    )
    assert load_config(tmp_path) == RunnersConfig(
        paths=("perf",),
        threads=2,
        timeout=10.0,
        max_seconds=5.5,
        min_effect=0.05,
        budgets={"host_syncs": 1, "operators": 0},
        peak_flops={"float32": 1.2e12, "bfloat16": 3.0},
        pytest_args=("--device", "cpu"),
        requirements=("requirements/train.txt", ".[train]"),
        install=("uv", "sync"),
    )


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    with pytest.raises(PerflintError, match="has no key 'time_out'; the nearest is 'timeout'"):
        parse_config({"time_out": 3})


def test_an_unknown_type_of_a_peak_names_the_nearest_known_one() -> None:
    with pytest.raises(PerflintError, match="there is no type 'bfloat'; the nearest is 'bfloat16'"):
        parse_config({"peak_flops": {"bfloat": 1e12}})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("paths", "perf"),
        ("paths", [1]),
        ("pytest_args", "-x"),
        ("requirements", "requirements.txt"),
        ("install", "uv sync"),
        ("threads", 0),
        ("threads", True),
        ("threads", 1.5),
        ("timeout", 0),
        ("timeout", "long"),
        ("timeout", float("nan")),
        ("timeout", float("inf")),
        ("timeout", True),
        ("max_seconds", -1),
        ("min_effect", 0),
        ("min_effect", 1),
        ("min_effect", "2 %"),
        ("budgets", []),
        ("budgets", {"host_syncs": -1}),
        ("budgets", {"host_syncs": True}),
        ("budgets", {"host_syncs": "none"}),
        ("peak_flops", 1e12),
        ("peak_flops", {"float32": 0}),
        ("peak_flops", {"float32": "1 TFLOP/s"}),
        ("peak_flops", {"float32": float("inf")}),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_what_is_wanted(key: str, value: Any) -> None:
    with pytest.raises(PerflintError, match=rf"runners\] {key} has to be a .*, not "):
        parse_config({key: value})


def test_something_else_than_a_table_is_refused(tmp_path: Path) -> None:
    for text in ("[tool.perflint]\nrunners = 3\n", "[tool]\nperflint = 3\n"):
        (tmp_path / "pyproject.toml").write_text(text)
        with pytest.raises(PerflintError, match="has to be a table"):
            load_config(tmp_path)


@pytest.mark.parametrize(("table", "near"), [("runner", "runners"), ("lint", "lints")])
def test_an_unknown_table_names_the_nearest_known_one(
    tmp_path: Path, table: str, near: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.perflint.{table}]\nthreads = 2\n")
    with pytest.raises(PerflintError, match=f"no table '{table}'; the nearest is '{near}'"):
        load_config(tmp_path)


@pytest.mark.parametrize("room", ROOMS)
def test_the_table_of_every_room_is_known(tmp_path: Path, room: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.perflint.{room}]\n")
    assert load_config(tmp_path) == RunnersConfig()


@pytest.mark.parametrize("raw", [b"[tool", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "pyproject.toml").write_bytes(raw)
    with pytest.raises(PerflintError, match=r"cannot read the configuration in .*pyproject\.toml"):
        load_config(tmp_path)


def test_a_budget_for_a_counter_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PerflintError, match="no counter 'host_sync'; the nearest is 'host_syncs'"):
        parse_config({"budgets": {"host_sync": 0}})


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("""
        [tool.perflint.runner]
        [tool.perflint.runners]
        max_second = 45
        threads = "two"
        budgets = { host_sync = 0 }
    """)
    with pytest.raises(PerflintError) as error:
        load_config(tmp_path)
    said = str(error.value).splitlines()
    assert len(said) == 4
    words = ("'runners'", "'max_seconds'", "threads has", "'host_syncs'")
    for line, word in zip(said, words, strict=True):
        assert word in line


def test_a_file_of_a_worktree_is_called_by_its_side(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool")
    with pytest.raises(PerflintError, match=r"configuration in pyproject\.toml \(head\): Expected"):
        load_config(tmp_path, "head")


@pytest.mark.parametrize(
    ("table", "fits"),
    [
        ({"max_seconds": 90, "total_seconds": 60}, False),
        ({"max_seconds": 7200}, False),
        ({"total_seconds": 30}, True),  # then the default of one test gives way
        ({"max_seconds": 60, "total_seconds": 60}, True),
    ],
)
def test_one_test_cannot_take_longer_than_the_run(table: dict[str, Any], fits: bool) -> None:
    if fits:
        parse_config(table)
        return
    with pytest.raises(PerflintError, match=r"max_seconds, of one perf test, is .* total_seconds"):
        parse_config(table)


def test_more_threads_than_processors_are_a_doubt_and_no_mistake() -> None:
    (doubt,) = doubts(parse_config({"threads": 99}), processors=2)
    assert "`threads` is 99, and this machine has 2 processors" in doubt
    assert doubts(RunnersConfig(threads=2), processors=2) == []
