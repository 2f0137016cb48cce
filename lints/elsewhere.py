"""What other files pass to a function of this one."""

from .flags import Seldom
from .guards import never
from .nodes import Function, default_of
from .outside import SPREAD, HotCall


def is_passed(
    call: HotCall, function: Function, name: str, by_default: frozenset[bool | None]
) -> frozenset[bool | None]:
    """Return whether a parameter is given: for certain (True), as None (False), or nobody tells."""
    by = keys(function, name)
    if any(key in call.given for key in by):
        return frozenset({True})
    told = [key for key, _ in call.passed if key in (*by, SPREAD)]
    if SPREAD in told:
        return frozenset({None})
    if not told:
        return by_default
    missing = by_default == {False} and all(key in call.missing for key in told)
    return frozenset({False if missing else None})


def flag_passed(call: HotCall, function: Function, name: str) -> Seldom | None:
    """Return why a parameter is true in few steps only, by what other files pass."""
    given = [key for key, _ in call.passed if key in (*keys(function, name), SPREAD)]
    default = default_of(function, name)
    if all(key in call.seldom for key in given) and (given or default is not None):
        return Seldom.GUARDED if default is None or never(default) else None
    return None


def keys(function: Function, name: str) -> tuple[str | int | None, ...]:
    """Return by what calls may give a parameter: its name, and its place among the arguments."""
    names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
    own = 1 if names[:1] in (["self"], ["cls"]) else 0
    return name, names.index(name) - own if name in names else None
