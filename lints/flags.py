"""What the names of flags say: that something is due, done, for debugging, or for serving."""

import ast
import re
from enum import Enum

from .nodes import dotted

_DEBUG = re.compile(
    r"(^|_)(debug|debugging|verbose|profile|profiling|profiler|benchmark)(_|$)|^(print|show|dump)_"
)
_NOW = re.compile(
    r"^_*(is_|its?_)?(should|must|needs?|time_to|do|will|shall|wants?|wants_to)_(\w+_)*"
    r"(log|print|report|sav|eval|validat|vis(?!i)|visual|plot|record|dump|display|show|checkpoint)"
    r"(?!it|arithm)"
    r"|^_*(log|print|report|save|eval|vis|plot)_?(now|this_step|this_iter|step_now)$"
    r"|^_*is_(log|logging|print|save|eval|report)_?(step|iter|time)?$"
)
# What becomes true once in a run, or is true in its first step alone.
_ONE_SHOT = re.compile(
    r"^(is_)?(done|finished|stopping|last|final)(_(step|iter|iteration|batch|epoch))?$"
    r"|^(is_)?first(_(step|iter|iteration|batch|time))?$"
    r"|^_?(is_|was_)?(interrupted|aborted|cancell?ed|preempted|terminated)$|(^|_)should_stop$"
    r"|^_?cancel_\w+$"
)
# What becomes true in the first step, as the flag of `if not logged:`.
_DONE_ONCE = re.compile(
    r"^_*(is_|has_|have_|was_|already_)?(logged|printed|shown|warned|announced|initiali[sz]ed)"
    r"(_(once|yet|already|shapes?|first|graph))?$"
)
# State of a model that serves: adapters folded in for good, and the cache of a state-space model.
_SERVING = re.compile(r"^(is_)?merged$|(^|_)inference(_mode)?$|^inverse$")
_SERVING_STATE = re.compile(
    r"^(cache_params|inference_params|kv_cache|incremental_state|saved_state|past_key_values?"
    r"|layer_past|past_states?|mems|cache_position)$"
)
# Input of a form that is on its way out.
_LEGACY = re.compile(r"(^|_)(legacy|deprecated)(_|$)")
# Modes for devices with little memory, off until somebody asks for them.
_SAVES_MEMORY = re.compile(r"^_?(use|enable)_(\w+_)?(tiling|slicing)$|^(tiling|slicing)_enabled$")
# `is_torch_greater_or_equal_than_2_6`: true for all but a few.
_NEWER = re.compile(r"torch_?(version)?_(greater|newer|ge|gte|at_least|above|since)(_|$)")


class Seldom(Enum):
    """Why code does not run in every step, in words that end a sentence."""

    GUARDED = "every n-th step"
    ASKED = "in debug runs"
    ONCE = "in single steps"
    EVALUATION = "in evaluation"
    ELSEWHERE = "on other devices or versions"
    ERROR = "on errors"


def by_name(name: str) -> Seldom | None:
    """Return why a flag or a helper of this name is true in few steps only."""
    if name == "__debug__" or _DEBUG.search(name):
        return Seldom.ASKED
    if _NOW.search(name):
        return Seldom.GUARDED
    if _SERVING.search(name):
        return Seldom.EVALUATION
    if _LEGACY.search(name) or _SAVES_MEMORY.search(name):
        return Seldom.ELSEWHERE
    return Seldom.ONCE if _ONE_SHOT.search(name) else None


def is_done_once(node: ast.expr) -> bool:
    """Whether this is a flag as `logged`, which is false in the first step alone."""
    return bool(_DONE_ONCE.search(_last(node)))


def is_newer(node: ast.expr) -> bool:
    """Whether this is a flag as `is_torch_greater_or_equal_than_2_6`: false for few."""
    return bool(_NEWER.search(_last(node)))


def is_serving_state(node: ast.expr) -> bool:
    """Whether this is what a model keeps between the tokens that it generates."""
    return bool(_SERVING_STATE.search(_last(node)))


def _last(node: ast.expr) -> str:
    return (dotted(node) or "").rsplit(".", 1)[-1]
