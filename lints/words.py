"""Looks for whole words in texts: many times faster than a pattern with `\\b`."""


def has_word(text: str, word: str) -> bool:
    """Whether a word, or words in a row, stand in a text, and not only within longer ones."""
    at = text.find(word)
    while at >= 0:
        if not (at and _is_of_word(text[at - 1])) and _ends(text, at + len(word)):
            return True
        at = text.find(word, at + 1)
    return False


def begins_line(text: str, words: str) -> bool:
    """Whether a line of a text begins with these whole words."""
    if text.startswith(words) and _ends(text, len(words)):
        return True
    line = "\n" + words
    at = text.find(line)
    while at >= 0:
        if _ends(text, at + len(line)):
            return True
        at = text.find(line, at + 1)
    return False


def _ends(text: str, at: int) -> bool:
    return at >= len(text) or not _is_of_word(text[at])


def _is_of_word(character: str) -> bool:
    return character == "_" or character.isalnum()
