"""What keeps code from running in every step, although it stands in a loop that does."""

import ast
import re

from .branches import leaves_for_good, skips, starts_over, stops_itself, warns
from .callees import Callees
from .guards import Seldom, rare, rarely_false
from .markers import takes_the_step
from .meanings import Meanings
from .names import Names
from .nodes import Block, Function, Loop, blocks, within
from .syntax import Syntax

_COLD_WORDS = {
    *("eval", "evaluate", "evaluation", "evaluator", "valid", "validate", "validation", "val"),
    *("validator", "test", "tester", "testing", "predict", "prediction", "predictor", "infer"),
    *("inference", "generate", "sample", "export", "convert", "benchmark", "bench", "profile"),
    *("dummy", "warmup"),
}
# Training does these too: it samples boxes, generates images for a critic, predicts masks.
_OF_BOTH = {"sample", "generate", "convert", "predict", "prediction", "export", "profile"}
_TRAINING_WORDS = {"train", "training", "fit"}
_NO_GRAD = {"torch.no_grad", "torch.inference_mode"}


class Cold:
    """Answers what makes a place rare: guards, error paths, evaluation."""

    def __init__(self, syntax: Syntax, names: Names, callees: Callees | None = None) -> None:
        self._syntax = syntax
        self._names = names
        self._meanings = Meanings(syntax, names, callees, self._around)

    def why(self, child: ast.AST, parent: ast.AST, *, looped: bool) -> Seldom | None:
        """Return why a parent runs this child of it rarely; `looped`: with a loop in between."""
        match parent:
            case ast.If(test=test) if child is not test:
                if why := self._cold_branch(child, parent):
                    return why
            case ast.IfExp(test=test, body=body) if child is not test:
                if why := (rare if child is body else rarely_false)(test, self._meanings):
                    return why
            case ast.BoolOp(op=op, values=values):
                holds = rare if isinstance(op, ast.And) else rarely_false
                for value in values[: values.index(child)] if child in values else []:
                    if why := holds(value, self._meanings):
                        return why
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                tests = [test for each in parent.generators for test in each.ifs]
                if not isinstance(child, ast.comprehension):
                    return next(filter(None, (rare(t, self._meanings) for t in tests)), None)
            case ast.ExceptHandler():
                return Seldom.ERROR
            case ast.Assert(msg=message) if child is message:
                return Seldom.ERROR
            case ast.With(body=body) if child in body and looped and self._is_no_grad(parent):
                # A loop over batches without gradients is an evaluation.
                return Seldom.EVALUATION
        for block in blocks(parent):
            if why := self._cold_after(block, child):
                return why
        return None

    def rare(self, test: ast.expr) -> Seldom | None:
        """Return why a condition is true in few of the steps only."""
        return rare(test, self._meanings)

    def in_cold_function(self, node: ast.AST, *, called: bool = False) -> bool:
        """Whether the functions around a node evaluate, predict, export or test.

        Of what a training step is seen to call (`called`), only the words of evaluation tell:
        targets are computed without gradients in each step.
        """
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, Function) and child in parent.body:
                if _is_cold_name(parent.name, called=called):
                    return True
                if not called and self._is_decorated_no_grad(parent):
                    return True
            elif isinstance(parent, ast.ClassDef) and _is_cold_name(parent.name, called=called):
                return True
        return False

    def without_grad(self, node: ast.AST) -> bool:
        """Whether autograd is off here, by `with` or by decorator."""
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, ast.With) and child in parent.body and self._is_no_grad(parent):
                return True
            if isinstance(parent, Function):
                return self._is_decorated_no_grad(parent)
        return False

    def _cold_branch(self, child: ast.AST, parent: ast.If) -> Seldom | None:
        if child in parent.body:
            if (why := rare(parent.test, self._meanings)) and not self._takes_step(parent.body):
                return why
            if _asks_for_evaluation(parent.test):
                return Seldom.EVALUATION
            if starts_over(parent.test, parent.body):
                return Seldom.GUARDED
            if stops_itself(parent, self._loops(parent)):
                return Seldom.ONCE
            block = parent.body
        else:
            if why := rarely_false(parent.test, self._meanings):
                return why
            block = parent.orelse
        if warns(block) and any(_reads_value(node) for node in ast.walk(parent.test)):
            return Seldom.ERROR
        return leaves_for_good(block, in_loop=bool(self._loops(parent)))

    def _cold_after(self, block: Block, child: ast.AST) -> Seldom | None:
        """Return why earlier statements of the block leave the rest to few steps only."""
        if child not in block:
            return None
        evaluating = False
        for statement in block:
            if statement is child:
                return Seldom.EVALUATION if evaluating else None
            match statement:
                case ast.If(test=test, body=body) if skips(body):
                    after = block[block.index(statement) + 1 :]
                    if (why := rarely_false(test, self._meanings)) and not self._takes_step(after):
                        return why
                case ast.Expr(value=ast.Call(func=ast.Attribute(attr="eval"), args=[])):
                    evaluating = True
                case ast.Expr(value=ast.Call(func=ast.Attribute(attr="train"))):
                    evaluating = False
        return None

    def _takes_step(self, block: Block) -> bool:
        """Whether a block updates the parameters: then it is what runs in every step."""
        nodes = (node for statement in block for node in within(statement))
        return any(isinstance(node, ast.Call) and takes_the_step(node) for node in nodes)

    def _loops(self, node: ast.AST) -> list[Loop]:
        """Return the loops of the same function around a node, the innermost first."""
        found: list[Loop] = []
        for _, parent in self._syntax.ancestors(node):
            if isinstance(parent, Loop):
                found.append(parent)
            if isinstance(parent, Function):
                break
        return found

    def _is_no_grad(self, block: ast.With) -> bool:
        return any(self._names.of(_called(item.context_expr)) in _NO_GRAD for item in block.items)

    def _is_decorated_no_grad(self, function: Function) -> bool:
        return any(self._names.of(_called(d)) in _NO_GRAD for d in function.decorator_list)

    def _around(self, call: ast.Call) -> Seldom | None:
        """Return why a call is reached in few of the runs of the function it stands in."""
        for child, parent in self._syntax.ancestors(call):
            if isinstance(parent, Function | ast.Lambda):
                return None
            if why := self.why(child, parent, looped=False):
                return why
        return None


def _is_cold_name(name: str, *, called: bool) -> bool:
    words = set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_"))
    cold = _COLD_WORDS - _OF_BOTH if called else _COLD_WORDS
    return bool(words & cold) and not words & _TRAINING_WORDS


def _asks_for_evaluation(test: ast.expr) -> bool:
    """Whether this is `not self.training`."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Attribute(attr="training")):
            return True
    return False


def _reads_value(node: ast.AST) -> bool:
    """Whether this is `loss.item()`, or a size that depends on the data: `loss.numel()`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="item" | "nelement" | "numel")):
            return True
    return False


def _called(node: ast.AST) -> ast.AST:
    return node.func if isinstance(node, ast.Call) else node
