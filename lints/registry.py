"""Finds the rules: every file in `rules/` is one. Picks those that the user wants."""

import difflib
import inspect
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from .. import PerflintError
from . import rules as rules_package
from .rule import Rule

Rules = tuple[type[Rule], ...]


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


def choose(rules: Sequence[type[Rule]], select: Iterable[str], ignore: Iterable[str]) -> Rules:
    """Keep the selected rules (all, where nothing is selected) without the ignored ones.

    A word is a code, the start of one (`PFL1`), a name, or `ALL`. Raises PerflintError for a word
    that fits no rule.
    """
    wanted = [_matching(rules, word) for word in select] or [set(rules)]
    unwanted = [_matching(rules, word) for word in ignore]
    kept = set().union(*wanted).difference(*unwanted)
    return tuple(rule for rule in rules if rule in kept)


def find(rules: Sequence[type[Rule]], word: str) -> type[Rule]:
    """Return the rule of this code or name. Raises PerflintError with the nearest one."""
    for rule in rules:
        if word.lower() in (rule.code.lower(), rule.name()):
            return rule
    raise PerflintError(_no_rule(rules, word))


def _matching(rules: Sequence[type[Rule]], word: str) -> set[type[Rule]]:
    if word.upper() == "ALL":
        return set(rules)
    found = {rule for rule in rules if word == rule.name()}
    if word.upper().startswith("PFL"):
        found |= {rule for rule in rules if rule.code.startswith(word.upper())}
    if not found:
        raise PerflintError(_no_rule(rules, word))
    return found


def _no_rule(rules: Sequence[type[Rule]], word: str) -> str:
    known = [key for rule in rules for key in (rule.code, rule.name())]
    near = difflib.get_close_matches(word.lower(), [key.lower() for key in known], n=1, cutoff=0.4)
    hint = next((f"; did you mean {key}?" for key in known if key.lower() in near), "")
    return f"there is no rule {word!r}{hint} (`perflint rules` lists them)"


def _is_rule(member: object) -> bool:
    return inspect.isclass(member) and issubclass(member, Rule) and member is not Rule


def _address(rule: type[Rule]) -> str:
    return f"{rule.__module__.rsplit('.', 1)[-1]}.{rule.__name__}"
