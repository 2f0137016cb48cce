"""Finds the rules: every file in `rules/` is one, and teams bring their own."""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from .. import PerflintError
from . import rules as rules_package
from .config import LintConfig
from .local_rules import Loaded, load_installed, load_local
from .meta_rule import MetaRule
from .rule import Cost, Rule
from .rule_sources import stamp
from .selection import Rules, choose, chosen, find
from .suppress import Vocabulary

__all__ = [
    "Rules",
    "all_rules",
    "choose",
    "chosen_for",
    "find",
    "known_rules",
    "rules_for",
    "vocabulary",
]


@dataclass(frozen=True, slots=True)
class Known:
    """Rules in the order of their codes, and why others could not be loaded."""

    rules: Rules
    problems: tuple[str, ...] = ()


def known_rules(config: LintConfig) -> Known:
    """Return every rule that a project can use: ours, installed packages', and its own.

    A code or name that is taken twice raises PerflintError naming both.
    """
    now = stamp(config.root, config.local) if config.local else ""
    return _known(config.root.absolute(), config.local, now)


def costly(config: LintConfig) -> set[str]:
    """Return the codes of rules about waits and copies, which a traced run sees happen or not."""
    visible = (Cost.WAIT, Cost.COPY)
    return {rule.code for rule in known_rules(config).rules if rule.cost in visible}


def rules_for(config: LintConfig) -> Known:
    """Return the rules that run under a configuration. Unknown words raise PerflintError.

    Where rules could not be loaded, a word may be one of theirs, and is let be.
    """
    known = known_rules(config)
    return Known(chosen(known.rules, config, strictly=not known.problems), known.problems)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rules that run under each of several configurations, in their order.

    `vocabulary` is what all known rules are called. `problems` are told once, whichever file or
    project they concern.
    """

    rules: tuple[Rules, ...]
    vocabulary: Vocabulary
    problems: tuple[str, ...] = ()


def chosen_for(configs: Iterable[LintConfig]) -> Chosen:
    """Pick the rules for each of the configurations that hold in one run."""
    configs = list(configs)
    picked = [rules_for(config) for config in configs]
    known = {rule: None for config in configs for rule in known_rules(config).rules}
    problems = dict.fromkeys(problem for each in picked for problem in each.problems)
    return Chosen(
        tuple(each.rules for each in picked),
        vocabulary(list(known), complete=not problems),
        tuple(problems),
    )


@cache
def all_rules() -> Rules:
    """Return every rule of ours, in the order of the codes."""
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


@lru_cache(maxsize=32)
def _known(root: Path, modules: tuple[str, ...], _stamp: str) -> Known:
    own = load_local(root, modules) if modules else Loaded()
    installed = load_installed()
    return Known(
        unique([*all_rules(), *installed.rules, *own.rules]),
        (*installed.problems, *own.problems),
    )


def is_rule(member: object) -> bool:
    """Whether something is a rule, and no base of rules."""
    return inspect.isclass(member) and issubclass(member, Rule) and member not in (Rule, MetaRule)


def _address(rule: type[Rule]) -> str:
    return f"{rule.__module__.rsplit('.', 1)[-1]}.{rule.__name__}"
