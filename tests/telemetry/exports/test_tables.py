"""CSV and Parquet hold every value, as any reader of tables gets it."""

import csv
import io

import pytest
from torch_perflint.telemetry.exports.comma_separated import text
from torch_perflint.telemetry.record import Series, Value

from .entries import ALL, NASTY, entry

NAMES = [*Series.__dataclass_fields__, *Value.__dataclass_fields__]


def read(written: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(written, newline="")))


def test_csv_comes_back_whole() -> None:
    rows = read("".join(text(ALL)))
    assert list(rows[0]) == NAMES
    assert [row["test"] for row in rows] == [one.series.test for one in ALL]
    assert rows[-1]["test"] == NASTY
    assert [float(row["value"]) for row in rows] == [one.value.value for one in ALL]
    assert (rows[0]["low"], rows[1]["low"]) == ("1490.0", "")
    assert (rows[0]["higher_is_better"], rows[1]["higher_is_better"]) == ("true", "false")


def test_csv_of_many_values_comes_in_parts_and_is_one_table() -> None:
    parts = list(text(entry(value=float(number)) for number in range(4500)))
    assert len(parts) == 3
    assert [float(row["value"]) for row in read("".join(parts))] == list(range(4500))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_name_is_a_formula_of_a_spreadsheet(start: str) -> None:
    (row,) = read("".join(text([entry(f"{start}1+2", value=-1.0)])))
    assert row["test"] == f"'{start}1+2"
    assert row["value"] == "-1.0"


def test_parquet_comes_back_whole() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: `.ci/run` installs it")
    from pyarrow import parquet
    from torch_perflint.telemetry.exports.parquet import content

    table = parquet.read_table(io.BytesIO(content(iter(ALL))))
    assert table.column_names == NAMES
    rows = table.to_pylist()
    assert [row["test"] for row in rows] == [one.series.test for one in ALL]
    assert [row["value"] for row in rows] == [one.value.value for one in ALL]
    assert (rows[0]["low"], rows[1]["low"]) == (1490.0, None)
    assert [row["higher_is_better"] for row in rows[:2]] == [True, False]


def test_parquet_of_more_rows_than_one_group_holds_all() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: `.ci/run` installs it")
    from pyarrow import parquet
    from torch_perflint.telemetry.exports.parquet import content

    many = (entry(value=float(number)) for number in range(50_001))
    file = parquet.ParquetFile(io.BytesIO(content(many)))
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (50_001, 2)
