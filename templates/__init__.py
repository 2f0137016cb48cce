"""The words we post. Each `.j2` file beside this one is one page of Markdown."""

from collections.abc import Callable

from jinja2 import Environment, PackageLoader, StrictUndefined


def fill(name: str, filters: dict[str, Callable[..., str]] | None = None, **values: object) -> str:
    """Fill the template `name`; a value that it asks for and does not get is an error."""
    pages = Environment(
        loader=PackageLoader(__name__, ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Markdown, not HTML: the filters given by the caller make untrusted text inert.
        autoescape=False,
    )
    pages.filters.update(filters or {})
    return pages.get_template(name).render(values)
