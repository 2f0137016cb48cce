"""Where values are turned into text, or handed to a log, a progress bar or a tracker."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from enum import Enum
from functools import cached_property

from .names import Names
from .nodes import dotted, literal_text
from .syntax import Syntax

_LEVELS = {"debug", "info", "warning", "warn", "error", "critical", "exception", "log"}
_LOGGER = re.compile(r"(^|_)(log|logs|logger|logging|loguru)$", re.IGNORECASE)
_BARS = {"set_postfix", "set_postfix_str", "set_description", "set_description_str"}
# Methods that only trackers have, whoever they are called on.
_TRACKS = {
    *("add_scalar", "add_scalars", "add_histogram", "log_metric", "log_metrics", "report_scalar"),
    *("track_scalar", "log_scalar"),
}
# The event storage of detectron2 makes numbers of what it is given.
_STORES = ("put_scalar", "put_scalars")
_TRACKERS = re.compile(
    r"(^|_)(wandb|mlflow|neptune|comet|swanlab|trackio|accelerator|fabric|tracker|wandb_run"
    r"|experiment)$",
    re.IGNORECASE,
)
_TRACKER_PACKAGES = ("wandb.", "mlflow.", "neptune.", "comet_ml.", "swanlab.", "trackio.", "aim.")
_PRINTS = {"tqdm.tqdm.write", "tqdm.auto.tqdm.write", "rich.print", "pprint.pprint"}
# Other methods show nothing: most calls are told by their name alone.
_SHOW = {*_LEVELS, *_BARS, *_TRACKS, *_STORES, "log_dict", "print", "write"}
# `%s` shows a tensor as text, the others as the number that it holds.
_NUMBER = re.compile(r"%[-+ #0]*(\d+|\*)?(\.\d+)?[diouxXeEfFgG]")


class Sink(Enum):
    """Who is given a value to show or keep."""

    PRINT = "print"
    LOG = "log"
    BAR = "progress bar"
    TRACKER = "tracker"


class Shown:
    """Answers who shows what."""

    def __init__(self, syntax: Syntax, names: Names) -> None:
        self._syntax = syntax
        self._names = names

    def calls(self, sink: Sink) -> list[ast.Call]:
        """Return the calls that are this sort of output."""
        return self._by_sink.get(sink, [])

    @cached_property
    def _by_sink(self) -> dict[Sink, list[ast.Call]]:
        found: dict[Sink, list[ast.Call]] = defaultdict(list)
        for call in self._syntax.calls:
            if sink := self.sink(call):
                found[sink].append(call)
        return found

    def sink(self, call: ast.Call) -> Sink | None:
        """Return what sort of output a call is."""
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr not in _SHOW and "log" not in func.attr:
            return None
        name = self._names.of(func)
        if self._names.builtin(func) == "print" or name in _PRINTS:
            return Sink.PRINT
        if name is not None and name.startswith(_TRACKER_PACKAGES):
            return Sink.TRACKER if "log" in name.rsplit(".", 1)[-1] else None
        if name is not None and name.startswith("logging.") and name[8:] in _LEVELS:
            return Sink.LOG
        if not isinstance(func, ast.Attribute):
            return None
        return self._of_method(func.attr, _last_name(func.value))

    def _of_method(self, method: str, owner: str) -> Sink | None:
        if method in _BARS:
            return Sink.BAR
        if method in _TRACKS or (method in _STORES and owner.endswith("storage")):
            return Sink.TRACKER
        if method in ("log", "log_dict") and _TRACKERS.search(owner):
            return Sink.TRACKER
        if method in _LEVELS and _LOGGER.search(owner):
            return Sink.LOG
        return Sink.PRINT if method == "print" and owner in ("accelerator", "fabric") else None

    def around(self, node: ast.AST) -> Sink | None:
        """Return who is given what this node is part of."""
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, ast.Call) and child is not parent.func:
                if found := self.sink(parent):
                    return found
            elif isinstance(parent, ast.stmt):
                return None
        return None

    def given(self, call: ast.Call) -> Iterator[ast.expr]:
        """Yield what a call is given, looking into dictionaries that are written out there."""
        for arg in (*call.args, *(keyword.value for keyword in call.keywords)):
            if isinstance(arg, ast.Dict):
                yield from arg.values
            else:
                yield arg.value if isinstance(arg, ast.Starred) else arg

    def as_text(self, node: ast.AST) -> tuple[ast.expr, ...]:
        """Return the values that an expression turns into text."""
        match self._whole(node):
            case ast.JoinedStr(values=parts):
                return tuple(part.value for part in parts if isinstance(part, ast.FormattedValue))
            case ast.BinOp(left=text, op=ast.Mod(), right=right) if literal_text(text):
                return tuple(right.elts) if isinstance(right, ast.Tuple) else (right,)
            case ast.Call(
                func=ast.Attribute(attr="format", value=ast.Constant(value=str())),
                args=args,
                keywords=keywords,
            ):
                return (*args, *(keyword.value for keyword in keywords))
            case ast.Call(func=func, args=[shown, *_]) if self._names.builtin(func) in _TEXTS:
                return (shown,)
        return ()

    def is_whole(self, node: ast.AST) -> bool:
        """Whether this is no mere part of an f-string."""
        whole = self._whole(node)
        return _place(whole) == _place(node)

    def _whole(self, node: ast.AST) -> ast.AST:
        """Return the f-string of a part that, before Python 3.12, claims the place of the whole."""
        while isinstance(node, (ast.Constant, ast.FormattedValue, ast.JoinedStr)):
            parent = self._syntax.parent(node)
            if not isinstance(parent, (ast.FormattedValue, ast.JoinedStr)):
                break
            node = parent
        return node


_TEXTS = {"str", "repr", "format"}


def formats_number(node: ast.expr) -> bool:
    """Whether this is `"%f" % x`, which needs the number itself."""
    match node:
        case ast.BinOp(left=left, op=ast.Mod()):
            return bool(_NUMBER.search(literal_text(left)))
    return False


def _place(node: ast.AST) -> tuple[int | None, ...]:
    return tuple(
        getattr(node, name, None)
        for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")
    )


def _last_name(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case ast.Call(func=func):
            return _last_name(func)
    return (dotted(node) or "").rsplit(".", 1)[-1]
