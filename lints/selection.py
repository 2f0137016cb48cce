"""Picks rules: what the table, its overrides and the command line ask for, one after the other."""

import difflib
import re
from collections.abc import Iterable, Sequence

from .. import PerflintError
from .config import Layer, LintConfig, layer_of
from .rule import Rule

Rules = tuple[type[Rule], ...]

_ALL = "ALL"
_CODE = re.compile(r"[A-Za-z]+\d*")
# How exactly a word names a rule: the more exact word wins, and `ignore` where both are alike.
_UNNAMED = -1
_EXACT = 1000


def chosen(rules: Sequence[type[Rule]], config: LintConfig, *, strictly: bool = True) -> Rules:
    """Return the rules that run under this configuration. Unknown words raise PerflintError."""
    if strictly:
        require_known(rules, words_of(config))
    return tuple(rule for rule in rules if _runs(rule, config))


def choose(rules: Sequence[type[Rule]], select: Iterable[str], ignore: Iterable[str]) -> Rules:
    """Keep the selected rules (the default, where nothing is selected) without the ignored ones.

    A word is a code, the start of one (`PFL1`), a name, or `ALL`. Raises PerflintError for a word
    that fits no rule.
    """
    return chosen(rules, LintConfig(select=tuple(select), ignore=tuple(ignore)))


def find(rules: Sequence[type[Rule]], word: str) -> type[Rule]:
    """Return the rule of this code or name. Raises PerflintError with the nearest one."""
    for rule in rules:
        if word.lower() in (rule.code.lower(), rule.name()):
            return rule
    raise PerflintError(no_rule(rules, word))


def require_known(rules: Sequence[type[Rule]], words: Iterable[str]) -> None:
    """Raise PerflintError for the first word that fits no rule, with the nearest one."""
    for word in dict.fromkeys(words):
        if not any(_exactness(rule, word) > _UNNAMED for rule in rules):
            raise PerflintError(no_rule(rules, word))


def no_rule(rules: Sequence[type[Rule]], word: str) -> str:
    """Say that no rule is called so, and which one may be meant."""
    known = [key for rule in rules for key in (rule.code, rule.name())]
    near = difflib.get_close_matches(word.lower(), [key.lower() for key in known], n=1, cutoff=0.4)
    hint = next((f"; did you mean {key}?" for key in known if key.lower() in near), "")
    return f"there is no rule {word!r}{hint} (`perflint rules` lists them)"


def words_of(config: LintConfig) -> list[str]:
    """Return every word by which a configuration names rules, for whichever file."""
    layers = [_table(config), *config.layers]
    layers += [layer_of(dict(override.values)) for override in config.overrides]
    words = [w for layer in layers for w in (*layer.select, *layer.extend, *layer.ignore)]
    words += [word for _, rules in config.per_file_ignores for word in rules]
    return [*words, *config.excused]


def _runs(rule: type[Rule], config: LintConfig) -> bool:
    if not _concerns(rule, config):
        return False
    if any(_exactness(rule, word) > _UNNAMED for word in config.excused):
        return False
    lowest = _EXACT if rule.opt_in or (rule.preview and not config.preview) else 0
    runs = lowest == 0
    for layer in (_table(config), *config.layers):
        wanted = _best(rule, (*layer.select, *layer.extend))
        wanted = _UNNAMED if wanted < lowest else wanted
        unwanted = _best(rule, layer.ignore)
        if max(wanted, unwanted) > _UNNAMED:
            runs = wanted > unwanted
        elif layer.select:
            runs = False
    return runs


def _concerns(rule: type[Rule], config: LintConfig) -> bool:
    """Whether a rule has anything to say on the hardware and the PyTorch of a project."""
    if config.accelerator == "none" and rule.needs_accelerator:
        return False
    if config.torch_version is None:
        return True
    oldest = [int(part) for part in config.torch_version.split(".")]
    return (*oldest, 0) >= rule.since


def _table(config: LintConfig) -> Layer:
    return Layer(config.select, config.extend_select, (*config.ignore, *config.extend_ignore))


def _best(rule: type[Rule], words: Iterable[str]) -> int:
    return max((_exactness(rule, word) for word in words), default=_UNNAMED)


def _exactness(rule: type[Rule], word: str) -> int:
    if word.upper() == _ALL:
        return 0
    if word.upper() == rule.code.upper() or word == rule.name():
        return _EXACT
    if _CODE.fullmatch(word) and rule.code.upper().startswith(word.upper()):
        return len(word)
    return _UNNAMED
