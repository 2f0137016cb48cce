"""PFL705 launch-blocking."""

import ast
from collections.abc import Iterable, Iterator

import libcst as cst

from ..conditions import always_runs
from ..facts import Facts
from ..nodes import keyword
from ..rule import Rule

_VARIABLE = "CUDA_LAUNCH_BLOCKING"
_ON = ("1", 1, "true", "True")


class LaunchBlocking(Rule):
    """`CUDA_LAUNCH_BLOCKING=1` is set by the program itself.

    ## Why it is slow
    Every kernel launch then waits until the kernel has finished. The CPU can prepare nothing
    meanwhile, and the GPU idles between any two kernels.

    ## Instead
    Set it from outside, in the one run in which you look for the kernel that fails:
    `CUDA_LAUNCH_BLOCKING=1 python train.py`.

    ## When it is fine
    Behind a debug option, and in tests.

    ## Source
    PyTorch documentation, "CUDA semantics", section "Asynchronous execution".
    """

    code = "PFL705"
    tokens = (_VARIABLE,)
    hot_only = False
    needs_accelerator = True

    VALID = (
        """
        import os
        import torch
        os.environ["CUDA_LAUNCH_BLOCKING"] = "0"
        if args.debug:
            os.environ["CUDA_LAUNCH_BLOCKING"] = "1"
        """,
        """
        import os
        import torch
        os.environ["CUDA_LAUNCH_BLOCKING"] = str(args.blocking)
        print("set CUDA_LAUNCH_BLOCKING=1")
        """,
        """
        import os
        import torch
        blocking = os.environ.get("CUDA_LAUNCH_BLOCKING", "1")
        """,
    )
    INVALID = (
        """
        import os
        import torch
        os.environ["CUDA_LAUNCH_BLOCKING"] = "1"  # <-
        """,
        """
        import os
        import torch
        os.environ.setdefault("CUDA_LAUNCH_BLOCKING", "1")  # <-
        os.putenv("CUDA_LAUNCH_BLOCKING", "1")  # <-
        os.environ.update({"CUDA_LAUNCH_BLOCKING": "1"})  # <-
        os.environ.update(CUDA_LAUNCH_BLOCKING="1")  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the constants that name the variable, and the calls that pass it by keyword."""
        for node in facts.syntax.nodes(ast.Constant, ast.keyword):
            if isinstance(node, ast.Constant) and node.value == _VARIABLE:
                yield node
            elif isinstance(node, ast.keyword) and node.arg == _VARIABLE:
                yield node.value

    def visit_Assign(self, node: cst.Assign) -> None:
        """Flag `os.environ["CUDA_LAUNCH_BLOCKING"] = "1"`."""
        target = self.facts.counterpart(node.targets[0].target)
        value = self.facts.counterpart(node.value)
        match target:
            case ast.Subscript(value=owner, slice=ast.Constant(value=name)) if name == _VARIABLE:
                if self.facts.names.of(owner) == "os.environ" and _is_on(value):
                    self._check(node, target)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `setdefault`, `putenv` and `update`."""
        call = self.facts.call(node)
        name = self.facts.name(node.func)
        if call is None or name is None or not name.startswith("os."):
            return
        if name in ("os.putenv", "os.environ.setdefault") and len(call.args) == 2:
            variable, value = call.args
            if isinstance(variable, ast.Constant) and variable.value == _VARIABLE and _is_on(value):
                self._check(node, call)
        elif name == "os.environ.update" and any(_is_on(value) for value in _updates(call)):
            self._check(node, call)

    def _check(self, node: cst.CSTNode, at: ast.AST) -> None:
        if not self.facts.is_test_code and always_runs(self.facts.syntax, at):
            self.report(node, "every kernel launch waits for the kernel to finish")


def _updates(call: ast.Call) -> Iterator[ast.expr | None]:
    yield keyword(call, _VARIABLE)
    for given in call.args:
        if isinstance(given, ast.Dict):
            for key, value in zip(given.keys, given.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == _VARIABLE:
                    yield value


def _is_on(value: ast.AST | None) -> bool:
    return isinstance(value, ast.Constant) and value.value in _ON
