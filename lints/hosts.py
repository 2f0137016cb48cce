"""Whether a program runs on the CPU alone: by the devices that it names, or where it names none."""

import ast
import io
import re
import tokenize

from .bindings import Bindings
from .inputs import Valuer
from .names import Names
from .nodes import Function, default_of, dotted, keyword
from .regions import Regions
from .supplies import passed
from .syntax import Syntax
from .values import Kind
from .vocabulary import DTYPES, is_module_name

# Without any of these words, a program that makes its own model leaves it on the CPU.
# In lower case, as the text is then: far quicker than a pattern that takes both.
_ELSEWHERE = (
    *("cuda", "accelerat", "deepspeed", "fabric", "lightning", "nccl", "rocm", "dataparallel"),
)
_SHORT = ("xpu", "mps", "npu", "hpu", "gpu", "tpu")
_SHORT_WORD = re.compile(rf"(\b|_)({'|'.join(_SHORT)}|gpus)(\b|_)")
# Said in code rather than in a comment, as a look at the line tells.
_SURELY = re.compile(
    r"\.cuda\b|[\"']cuda|^ *(from|import) .*(lightning|accelerate|deepspeed|DataParallel)",
    re.MULTILINE,
)
_TRAINERS = ("transformers", "trl", "pytorch_lightning", "lightning")
# Seeding each device there may be moves nothing to one.
_SEEDS = re.compile(r"torch\.cuda\.(is_available|manual_seed(_all)?)\(")
_THE_CPU = re.compile(r"""device\(["']cpu["']\)|device\s*=\s*["']cpu["']""")
_LAYER = re.compile(r"^torch\.nn\.(?!\w*Loss|Module|Parameter|Data)[A-Z]\w*$")
_DEVICE_NAME = re.compile(r"(^|_)(device|dev)$", re.IGNORECASE)
_DEEPEST = 5
_QUOTES = ('"""', "'''")


class Hosts:
    """Answers whether a file is a program that moves nothing to an accelerator."""

    def __init__(
        self,
        source: str,
        syntax: Syntax,
        names: Names,
        regions: Regions,
        bindings: Bindings,
        values: Valuer,
    ) -> None:
        self._source = source
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._bindings = bindings
        self._values = values

    def on_cpu(self) -> bool:
        """Whether all that the file says of devices is the CPU, or it says nothing and trains."""
        text = _SEEDS.sub("", self._source) if "torch.cuda." in self._source else self._source
        if _SURELY.search(text):
            return False
        if _names_another(text) and _names_another(_without_comments(text)):
            return False
        targets = list(self._targets())
        if any(not self._is_cpu(target) for _, target in targets):
            return False
        if targets:
            return any(self._says_so(moved, target) for moved, target in targets)
        silent = "device" not in self._source or _THE_CPU.search(self._source)
        return bool(silent) and self._is_whole()

    def _is_whole(self) -> bool:
        """Whether the file makes its own model and its own optimizer, and trains by itself."""
        if "Trainer" in self._source and self._names.imports(*_TRAINERS):
            return False
        made = [self._names.of(call.func) or "" for call in self._syntax.calls]
        if not any(name.startswith("torch.optim.") for name in made):
            return False
        return any(map(_LAYER.match, made)) or any(
            self._regions.is_module(home) for home in self._syntax.classes
        )

    def _targets(self) -> list[tuple[ast.expr | None, ast.expr]]:
        """Return what is moved, and where to; None is moved where a tensor is made there."""
        found: list[tuple[ast.expr | None, ast.expr]] = []
        for call in self._syntax.calls:
            given = keyword(call, "device")
            if isinstance(call.func, ast.Attribute) and call.func.attr == "to":
                given = given or next(iter(call.args), None)
                if given is not None and not self._is_of_a_tensor(given):
                    found.append((call.func.value, given))
            elif given is not None and not self._is_of_a_tensor(given):
                found.append((None, given))
        return found

    def _is_of_a_tensor(self, node: ast.expr) -> bool:
        """Whether this is a dtype, or where another tensor lies: it says of no device which."""
        if isinstance(node, ast.Constant) and node.value is None:
            return True
        if self._names.of(node) in DTYPES:
            return True
        match node:
            case ast.Attribute(attr="dtype"):
                return True
            case ast.Attribute(attr="device", value=owner):
                return self._values.value(owner).kind in (Kind.TENSOR, Kind.NEST)
        return self._values.value(node).kind in (Kind.TENSOR, Kind.NEST)

    def _says_so(self, moved: ast.expr | None, target: ast.expr) -> bool:
        """Whether this puts on the CPU what trains, rather than copying a result back to it."""
        if _DEVICE_NAME.search(_last(target)):
            return True
        if moved is None:
            return False
        value = self._values.value(moved)
        return value.kind is Kind.MODULE or value.batch or is_module_name(_last(moved))

    def _is_cpu(self, node: ast.expr, depth: int = _DEEPEST) -> bool:
        match node:
            case ast.Constant(value=str() as text):
                return text.startswith("cpu")
            case ast.Call(args=[given, *_]) if self._names.of(node.func) == "torch.device":
                return self._is_cpu(given, depth)
            case ast.Name() | ast.Attribute() if depth:
                bound = self._bound(node, depth - 1)
                return bool(bound) and all(bound)
        return False

    def _bound(self, node: ast.Name | ast.Attribute, depth: int) -> list[bool]:
        """Say of each thing that a name is bound to whether it is the CPU."""
        if isinstance(node, ast.Name):
            stores = self._names.stores(node)
            return [self._is_bound_to_cpu(each, node.id, depth) for each in stores]
        home = self._names.own_class(node)
        path = ("self", f".{node.attr}")
        if home is None or dotted(node) != f"self.{node.attr}":
            return []
        return [
            isinstance(binding.source, ast.expr) and self._is_cpu(binding.source, depth)
            for method in self._names.methods(home)
            for binding in self._bindings.everywhere(method, path)
        ]

    def _is_bound_to_cpu(self, store: ast.AST, name: str, depth: int) -> bool:
        if isinstance(store, Function):
            calls = self._names.callers(store)
            given = [passed(call, store, name) or default_of(store, name) for call in calls]
            return bool(given) and all(g is not None and self._is_cpu(g, depth) for g in given)
        match self._syntax.parent(store):
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                return self._is_cpu(value, depth)
        return False


def _last(node: ast.expr) -> str:
    return (dotted(node) or "").rsplit(".", 1)[-1]


def _names_another(text: str) -> bool:
    """Whether a text speaks of an accelerator, or of what brings one."""
    text = text.lower()
    if any(word in text for word in _ELSEWHERE):
        return True
    return any(word in text for word in _SHORT) and bool(_SHORT_WORD.search(text))


def _without_comments(source: str) -> str:
    """Return the text without comments and texts of several lines: they run nowhere."""
    kept: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            told = token.type == tokenize.STRING and token.string.lstrip("rRbBuU")[:3] in _QUOTES
            if token.type != tokenize.COMMENT and not told:
                kept.append(token.string)
    except (tokenize.TokenError, SyntaxError):
        return source
    return " ".join(kept)
