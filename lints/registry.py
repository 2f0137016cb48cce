"""Finds the rules: every file in `rules/` is one."""

import inspect
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from .. import PerflintError
from . import rules as rules_package
from .meta_rule import MetaRule
from .rule import Rule
from .selection import Rules, choose, find
from .suppress import Vocabulary

__all__ = ["Rules", "all_rules", "choose", "find", "unique", "vocabulary"]


@cache
def all_rules() -> Rules:
    """Return every rule, in the order of the codes."""
    found: list[type[Rule]] = []
    for module in iter_modules(rules_package.__path__, f"{rules_package.__name__}."):
        members = vars(import_module(module.name)).values()
        found += [m for m in members if is_rule(m) and m.__module__ == module.name]
    return unique(found)


def vocabulary(rules: Sequence[type[Rule]], *, complete: bool = True) -> Vocabulary:
    """Return what rules are called, for judging the comments that name them."""
    codes = {key.lower(): rule.code for rule in rules for key in (rule.code, rule.name())}
    usual = [r.code for r in rules if not (r.preview or r.opt_in or issubclass(r, MetaRule))]
    return Vocabulary(codes, frozenset(usual), complete)


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


def is_rule(member: object) -> bool:
    """Whether something is a rule, and no base of rules."""
    return inspect.isclass(member) and issubclass(member, Rule) and member not in (Rule, MetaRule)


def _address(rule: type[Rule]) -> str:
    return f"{rule.__module__.rsplit('.', 1)[-1]}.{rule.__name__}"
