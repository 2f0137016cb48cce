"""The words we post. Each `.j2` file beside this one is one page of Markdown."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


def fill(name: str, **values: object) -> str:
    """Fill the template `name`; a value that it asks for and does not get is an error.

    Values go in as they are: whoever gives text that others wrote makes it inert first.
    """
    return _pages().get_template(name).render(values)


@cache
def _pages() -> Environment:
    return Environment(
        loader=PackageLoader(__name__, ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Markdown, not HTML: escaping is the renderer's.
        autoescape=False,
    )
