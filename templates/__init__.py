"""The words we post: each `.j2` file beside this one is a page of Markdown. `setup/` has files."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


def fill(name: str, **values: object) -> str:
    """Fill the template `name`; a value that it asks for and does not get is an error.

    Values go in as they are: whoever gives text that others wrote makes it inert first.
    """
    return _pages().get_template(name).render(values)


def fill_file(name: str, **values: object) -> str:
    """Fill a template in `setup/`, where a value stands as `{@ name @}`.

    Workflows and shell have the usual marks for themselves: `${{ ... }}` and `${#...}`.
    """
    return _files().get_template(f"setup/{name}").render(values)


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


@cache
def _files() -> Environment:
    return _pages().overlay(
        variable_start_string="{@",
        variable_end_string="@}",
        comment_start_string="{@#",
        comment_end_string="#@}",
    )
