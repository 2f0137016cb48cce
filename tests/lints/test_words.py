"""Whole words are found as a pattern with `\\b` finds them."""

import random
import re

import pytest
from torch_perflint.lints.words import begins_line, has_word

PIECES = ["def", "f", "class", "_", " ", "\n", "ä", "1", ".", "def f", "\ndef f", "xf"]


def _texts() -> list[str]:
    dice = random.Random(7)
    return ["".join(dice.choices(PIECES, k=dice.randrange(12))) for _ in range(3_000)]


@pytest.mark.parametrize("word", ["f", "def f", "class"])
def test_words_as_patterns_find_them(word: str) -> None:
    texts = _texts()
    expected = [bool(re.search(rf"\b{word}\b", text)) for text in texts]
    assert [has_word(text, word) for text in texts] == expected
    assert 100 < sum(expected) < len(texts) - 100


@pytest.mark.parametrize("words", ["def f", "class"])
def test_lines_as_patterns_find_them(words: str) -> None:
    texts = _texts()
    expected = [bool(re.search(rf"^{words}\b", text, re.MULTILINE)) for text in texts]
    assert [begins_line(text, words) for text in texts] == expected
    assert sum(expected) > 100
