"""The samplers of distributed training: which of them shuffle every epoch alike."""

import ast

from .keywords import Absent
from .loaders import Loaders
from .names import Names
from .nodes import keyword, path_of
from .syntax import Syntax

_SAMPLERS = {
    "torch.utils.data.DistributedSampler",
    "torch.utils.data.distributed.DistributedSampler",
}
# These call `set_epoch` themselves.
_FRAMEWORKS = ("pytorch_lightning", "lightning", "accelerate", "ignite", "transformers", "composer")


class Samplers:
    """Answers which samplers miss their `set_epoch`."""

    def __init__(self, syntax: Syntax, names: Names, loaders: Loaders) -> None:
        self._syntax = syntax
        self._names = names
        self._loaders = loaders
        self._silent: bool | None = None

    def forgets_epoch(self, call: ast.Call) -> bool:
        """Whether a call makes a shuffling sampler whose epochs are all the same."""
        if self._names.of(call.func) not in _SAMPLERS or not _shuffles(call):
            return False
        if self._silent is None:
            mentions = (n for n in ast.walk(self._syntax.tree) if isinstance(n, ast.Attribute))
            self._silent = self._names.imports(*_FRAMEWORKS) or any(
                node.attr == "set_epoch" for node in mentions
            )
        loaders = self._loaders_of(call)
        return not self._silent and any(map(self._loaders.uses.trains_each_epoch, loaders))

    def _loaders_of(self, sampler: ast.Call) -> list[ast.Call]:
        """Return the loaders that draw by a sampler, wrapped as a batch sampler or not."""
        names = set(self._loaders.uses.targets(sampler))
        found = []
        for call in self._loaders.calls:
            for option in ("sampler", "batch_sampler"):
                given = self._loaders.option(call, option)
                if isinstance(given, Absent):
                    continue
                inside = [given, *(given.args if isinstance(given, ast.Call) else [])]
                if any(part is sampler or _text(part) in names for part in inside):
                    found.append(call)
        same = self._syntax.scope(sampler)
        return [call for call in found if self._syntax.scope(call) is same]


def _shuffles(call: ast.Call) -> bool:
    given = keyword(call, "shuffle") or (call.args[3] if len(call.args) > 3 else None)
    return given is None or (isinstance(given, ast.Constant) and given.value is True)


def _text(node: ast.AST) -> str:
    return ast.unparse(node) if path_of(node) else ""
