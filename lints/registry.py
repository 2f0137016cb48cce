"""Finds the rules: every file in `rules/` is one."""

import inspect
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from .. import PerflintError
from . import rules as rules_package
from .rule import Rule
from .selection import Rules, choose, find

__all__ = ["Rules", "all_rules", "choose", "find", "unique"]


@cache
def all_rules() -> Rules:
    """Return every rule, in the order of the codes."""
    found: list[type[Rule]] = []
    for module in iter_modules(rules_package.__path__, f"{rules_package.__name__}."):
        members = vars(import_module(module.name)).values()
        found += [m for m in members if _is_rule(m) and m.__module__ == module.name]
    return unique(found)


def unique(rules: Iterable[type[Rule]]) -> Rules:
    """Sort the rules. A code or name that is taken twice raises PerflintError naming both."""
    taken: dict[str, type[Rule]] = {}
    ordered = sorted(rules, key=lambda rule: (rule.code, rule.name()))
    for rule in ordered:
        for key in (rule.code, rule.name()):
            if other := taken.get(key):
                raise PerflintError(
                    f"{key} is taken twice, by {_address(other)} and by {_address(rule)}: "
                    "give one of them another"
                )
            taken[key] = rule
    return tuple(ordered)


def _is_rule(member: object) -> bool:
    return inspect.isclass(member) and issubclass(member, Rule) and member is not Rule


def _address(rule: type[Rule]) -> str:
    return f"{rule.__module__.rsplit('.', 1)[-1]}.{rule.__name__}"
