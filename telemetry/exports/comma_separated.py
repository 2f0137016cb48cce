"""CSV: one line per value, under a line of names, as RFC 4180 quotes it.

https://www.rfc-editor.org/rfc/rfc4180
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import fields

from ..record import Entry, Series, Value

_OF_SERIES = [one.name for one in fields(Series)]
_OF_VALUE = [one.name for one in fields(Value)]
_LINES_AT_ONCE = 2000


def text(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the text in parts; `position` is 0 for commits that are not on the main branch."""
    whole = io.StringIO()
    writer = csv.writer(whole)  # a carriage return is quoted only as a part of the line's end
    writer.writerow([*_OF_SERIES, *_OF_VALUE])
    for number, entry in enumerate(entries, 1):
        cells = [_cell(getattr(entry.series, name)) for name in _OF_SERIES]
        writer.writerow(cells + [_cell(getattr(entry.value, name)) for name in _OF_VALUE])
        if number % _LINES_AT_ONCE == 0:
            yield whole.getvalue()
            whole.seek(0)
            whole.truncate()
    yield whole.getvalue()


def _cell(value: object) -> object:
    """A spreadsheet runs a cell that begins so as a formula; behind an apostrophe it is text.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
