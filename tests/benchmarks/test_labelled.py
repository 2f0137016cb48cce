"""Labels and findings of made-up files: what counts as right, as wrong, as found."""

import labelled
import pytest


def _label(
    line: int, label: str, *, last: int | None = None, of: str | None = None
) -> labelled.Label:
    return labelled.Label("a+b/train.py", line, last or line, line, label, of)


LABELS = [
    _label(3, "SYNC_LOOP"),
    _label(5, "NOT"),
    _label(7, "EITHER"),
    _label(9, "SYNC_GUARDED"),
    _label(11, "DL_PIN", last=14),
    _label(16, "NOT", of="LOSS_RETAIN"),
]


@pytest.mark.parametrize(
    ("line", "about", "counts"),
    [
        (3, "SYNC_FORWARD", (1, 0, 0, 1)),  # waits are one group
        (3, "DL_PIN", (0, 0, 1, 0)),
        (5, "SYNC_LOOP", (0, 1, 0, 0)),
        (7, "SYNC_LOOP", (0, 0, 0, 0)),
        (9, "SYNC_LOOP", (0, 1, 0, 0)),
        (13, "DL_PIN", (1, 0, 0, 1)),
        (16, "SYNC_LOOP", (0, 0, 1, 0)),
        (16, "LOSS_RETAIN", (0, 1, 0, 0)),
        (20, "SYNC_LOOP", (0, 0, 1, 0)),
    ],
)
def test_a_finding_counts_by_the_label_of_its_statement(
    line: int, about: str, counts: tuple[int, int, int, int]
) -> None:
    result = labelled.score(LABELS, [("a+b/train.py", line, about), ("a+b/other.py", 3, about)])
    assert (result.right, result.wrong, len(result.unlabelled), result.found) == counts
    assert result.positives == 2


def test_the_same_statement_counts_once() -> None:
    result = labelled.score(LABELS, [("a+b/train.py", line, "DL_PIN") for line in (11, 12, 13)])
    assert (result.right, result.found) == (1, 1)
    assert result.recall == 0.5
    assert result.precision == 1.0
    assert result.f1 == pytest.approx(2 / 3)


def test_every_set_is_there_and_every_class_is_one_that_rules_speak_of() -> None:
    for name in labelled.SETS:
        known = labelled.labels(name)
        assert {"NOT", "EITHER", "SYNC_LOOP"} <= {label.label for label in known}
        assert len({label.file for label in known}) > 40
