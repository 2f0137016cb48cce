"""Elements of HTML as text; whatever is put into one is text unless it was made here. Pure."""

from collections.abc import Iterable, Sequence
from html import escape

from ....runners.text.words import inert

# Longer texts are cut: no name or source line of a step is.
_LONGEST = 400


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *parts: str, **attributes: str) -> Html:
    """Write an element; `class_` is the attribute `class`, `_` in other names is `-`."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
    )
    return Html(f"<{name}{said}>{''.join(map(_shown, parts))}</{name}>")


def _shown(part: str) -> str:
    return part if isinstance(part, Html) else escape(inert(part, _LONGEST), quote=False)


def block(text: str) -> Html:
    """Write text with its line ends, each line by itself."""
    return Html(f'<pre tabindex="0">{chr(10).join(map(_shown, text.splitlines()))}</pre>')


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """Write a table; a head that begins with `#` stands over numbers."""
    numbers = [head.startswith("#") for head in heads]
    kinds = [{"class_": "number"} if number else {} for number in numbers]
    names = [head.lstrip("#") for head in heads]
    top = [
        element("th", name, scope="col", **kind) for name, kind in zip(names, kinds, strict=True)
    ]
    body = [
        element(
            "tr",
            *(
                element("td", cell, data_label=name, **kind)
                for cell, name, kind in zip(row, names, kinds, strict=True)
            ),
        )
        for row in rows
    ]
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *top)),
        element("tbody", *body),
        class_="cards",
    )


def web_link(address: str, *parts: str) -> Html:
    """Write a link that tells the other side nothing of this page."""
    return element("a", *parts, href=address, rel="noopener noreferrer")
