"""What keeps code from running in every step, although it stands in a loop that does."""

import ast
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from weakref import WeakMethod

from .branches import leaves_for_good, skips, starts_over, stops_itself, warns
from .callees import Callees
from .flags import Seldom
from .guards import rare, rarely_false
from .markers import takes_the_step
from .meanings import Meanings
from .names import Names
from .nodes import Block, Function, Loop, blocks, dotted, within
from .once import Once
from .reach import Reach
from .syntax import Syntax

_COLD_WORDS = {
    *("eval", "evaluate", "evaluation", "evaluator", "valid", "validate", "validation", "val"),
    *("validator", "test", "tester", "testing", "predict", "prediction", "predictor", "infer"),
    *("inference", "generate", "sample", "export", "convert", "benchmark", "bench", "profile"),
    *("dummy", "warmup", "synthesise", "synthesize", "onnx", "vocoder", "overflow", "legacy"),
    *("hifi", "visualizer", "visualiser", "viewer", "debugger", "searcher"),
}
# Training does these too: it samples boxes, generates images for a critic, predicts masks.
_OF_BOTH = {"sample", "generate", "convert", "predict", "prediction", "export", "profile"}
# Samples of these are for people to look at.
_SHOWN = {"image", "images", "video", "videos"}
_TRAINING_WORDS = {"train", "training", "fit"}
_REMEMBERS = {"lru_cache", "cache", "cached_property"}
_NO_GRAD = {"torch.no_grad", "torch.inference_mode"}


class Cold:
    """Answers what makes a place rare: guards, error paths, evaluation."""

    def __init__(self, syntax: Syntax, names: Names, callees: Callees | None = None) -> None:
        self._syntax = syntax
        self._names = names
        self._callees = callees
        self._once = Once(syntax, callees)
        # Holding each other, the two would be left to the garbage collector.
        around = WeakMethod(self._around)
        self._meanings = Meanings(
            syntax, names, callees, lambda node: found(node) if (found := around()) else None
        )
        self._reasons: dict[tuple[ast.AST, bool], Seldom | None] = {}
        self._branches: dict[tuple[ast.If, bool], Seldom | None] = {}
        # By what holds several in a row: its statements or operands that few steps arrive at.
        self._after: dict[ast.AST, dict[ast.AST, Seldom]] = {}
        self._cold_functions: dict[tuple[ast.AST, bool], bool] = {}
        self._stepping: dict[ast.stmt, bool] = {}

    def begin_at(self, roots: Collection[ast.AST]) -> None:
        """Take what training runs by itself: only calls that it comes to from there count."""
        around = WeakMethod(self._around)
        self._meanings.reach = Reach(
            self._syntax, roots, lambda node: found(node) if (found := around()) else None
        )

    def why(self, child: ast.AST, parent: ast.AST, *, looped: bool) -> Seldom | None:
        """Return why a parent runs this child of it rarely; `looped`: with a loop in between."""
        key = child, looped
        if key in self._reasons:
            return self._reasons[key]
        cuts = self._meanings.cuts
        why = self._why(child, parent, looped=looped)
        if self._meanings.settled(cuts):
            self._reasons[key] = why
        return why

    def _why(self, child: ast.AST, parent: ast.AST, *, looped: bool) -> Seldom | None:
        match parent:
            case ast.If(test=test) if child is not test:
                if why := self._cold_branch(child, parent):
                    return why
            case ast.IfExp(test=test, body=body) if child is not test:
                if why := (rare if child is body else rarely_false)(test, self._meanings):
                    return why
            case ast.BoolOp():
                return self._after_operands(parent).get(child)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                tests = [test for each in parent.generators for test in each.ifs]
                if not isinstance(child, ast.comprehension):
                    return next(filter(None, (rare(t, self._meanings) for t in tests)), None)
            case ast.ExceptHandler():
                return Seldom.ERROR
            case ast.Assert(msg=message) if child is message:
                return Seldom.ERROR
            case ast.With(body=body) if looped and self._syntax.in_block(child, body):
                # A loop over batches without gradients is an evaluation.
                if self._is_no_grad(parent):
                    return Seldom.EVALUATION
        return self._after_statements(parent).get(child) if isinstance(child, ast.stmt) else None

    def rare(self, test: ast.expr) -> Seldom | None:
        """Return why a condition is true in few of the steps only."""
        return rare(test, self._meanings)

    def is_given(self, node: ast.expr) -> bool | None:
        """Return whether an expression is never None, or always; None where that is open."""
        return self._meanings.is_there(node)

    def in_cold_function(self, node: ast.AST, *, called: bool = False) -> bool:
        """Whether the functions around a node evaluate, predict, export or test.

        Of what a training step is seen to call (`called`), only the words of evaluation tell:
        targets are computed without gradients in each step.
        """
        key = node, called
        if key not in self._cold_functions:
            self._cold_functions[key] = self._in_cold_function(node, called=called)
        return self._cold_functions[key]

    def _in_cold_function(self, node: ast.AST, *, called: bool) -> bool:
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, Function) and self._syntax.in_block(child, parent.body):
                if _is_cold_name(parent.name, called=called):
                    return True
                if not called and self._is_decorated_no_grad(parent):
                    return True
                if self._is_remembered(parent):
                    return True
            elif isinstance(parent, ast.ClassDef) and _is_cold_name(parent.name, called=called):
                return not self._is_part_of_model(parent)
        return False

    def _is_part_of_model(self, home: ast.ClassDef) -> bool:
        """Whether a class predicts within a model, as a `DurationPredictor` does in training."""
        words = home.name.lower()
        return "predictor" in words and self._names.method(home, "forward", depth=0) is not None

    def _is_remembered(self, function: Function) -> bool:
        """Whether what a function gives back is kept: it runs once for the same arguments."""
        names = (dotted(_called(decorator)) or "" for decorator in function.decorator_list)
        return any(name.rpartition(".")[2] in _REMEMBERS for name in names)

    def without_grad(self, node: ast.AST) -> bool:
        """Whether autograd is off here, by `with` or by decorator."""
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, ast.With) and self._is_no_grad(parent):
                if self._syntax.in_block(child, parent.body):
                    return True
            elif isinstance(parent, Function):
                return self._is_decorated_no_grad(parent)
        return False

    def _cold_branch(self, child: ast.AST, parent: ast.If) -> Seldom | None:
        key = parent, self._syntax.in_block(child, parent.body)
        if key in self._branches:
            return self._branches[key]
        cuts = self._meanings.cuts
        why = self._of_branch(*key)
        if self._meanings.settled(cuts):
            self._branches[key] = why
        return why

    def _of_branch(self, parent: ast.If, in_body: bool) -> Seldom | None:
        if self._once.remembers(parent, in_body=in_body):
            return Seldom.ONCE
        if in_body:
            if (why := rare(parent.test, self._meanings)) and not self._takes_step(parent.body):
                return why
            if _asks_for_main(parent.test) and self._syntax.function(parent):
                return Seldom.ELSEWHERE
            if _asks_for_evaluation(parent.test):
                return Seldom.EVALUATION
            if starts_over(parent.test, parent.body):
                return Seldom.GUARDED
            if stops_itself(parent, self._loops(parent)) or self._once.prepares(parent):
                return Seldom.ONCE
            block = parent.body
        else:
            if why := rarely_false(parent.test, self._meanings):
                return why
            block = parent.orelse
        if warns(block) and any(_reads_value(node) for node in ast.walk(parent.test)):
            return Seldom.ERROR
        return leaves_for_good(block, in_loop=bool(self._loops(parent)))

    def _after_operands(self, parent: ast.BoolOp) -> dict[ast.AST, Seldom]:
        """Return of which operands the ones before leave the rest to few steps only, and why."""
        if parent not in self._after:
            holds = rare if isinstance(parent.op, ast.And) else rarely_false
            cuts = self._meanings.cuts
            after: dict[ast.AST, Seldom] = {}
            why: Seldom | None = None
            for number, value in enumerate(parent.values):
                if why:
                    after[value] = why
                elif number < len(parent.values) - 1:
                    why = holds(value, self._meanings)
            return self._kept_after(parent, after, cuts)
        return self._after[parent]

    def _after_statements(self, parent: ast.AST) -> dict[ast.AST, Seldom]:
        """Return of which statements the ones before leave the rest to few steps only, and why."""
        if parent not in self._after:
            cuts = self._meanings.cuts
            after: dict[ast.AST, Seldom] = {}
            for block in blocks(parent):
                after.update(self._after_in(block))
            return self._kept_after(parent, after, cuts)
        return self._after[parent]

    def _kept_after(
        self, parent: ast.AST, after: dict[ast.AST, Seldom], cuts: int
    ) -> dict[ast.AST, Seldom]:
        """Remember an answer, unless it rests on a question that is still open."""
        if self._meanings.settled(cuts):
            self._after[parent] = after
        return after

    def _after_in(self, block: Block) -> Iterator[tuple[ast.AST, Seldom]]:
        why: Seldom | None = None
        evaluating = False
        for number, statement in enumerate(block):
            if why or evaluating:
                yield statement, why or Seldom.EVALUATION
            if why:
                continue
            match statement:
                case ast.If(test=test, body=body) if skips(body):
                    rest = block[number + 1 :]
                    why = rarely_false(test, self._meanings)
                    why = None if why and self._takes_step(rest) else why
                    if why is None and self._once.gives_kept(statement, rest):
                        why = Seldom.ONCE
                case ast.Expr(value=ast.Call(func=ast.Attribute(attr="eval"), args=[])):
                    evaluating = True
                case ast.Expr(value=ast.Call(func=ast.Attribute(attr="train"))):
                    evaluating = False

    def _takes_step(self, block: Block) -> bool:
        """Whether a block updates the parameters, and nothing beside it: it is the step itself."""
        return any(map(self._steps, block)) and not self._is_one_of_several(block[0])

    def _is_one_of_several(self, statement: ast.stmt) -> bool:
        """Whether the loop around takes a step beside this one, as of another network."""
        for loop in self._loops(statement)[:1]:
            for child, parent in self._syntax.ancestors(statement):
                inside = self._syntax.in_block(child, getattr(parent, "body", []))
                # Of a condition, the other branch is taken instead.
                around = [] if isinstance(parent, ast.If) and inside else list(blocks(parent))
                beside = (each for block in around for each in block if each is not child)
                if child is not statement and any(map(self._steps, beside)):
                    return True
                if parent is loop:
                    return False
        return False

    def _steps(self, statement: ast.stmt) -> bool:
        """Whether a statement updates parameters, itself or in a function of this file."""
        if statement not in self._stepping:
            calls = [node for node in within(statement) if isinstance(node, ast.Call)]
            own = (self._callees.own(call) for call in calls) if self._callees else ()
            self._stepping[statement] = any(map(takes_the_step, calls)) or any(
                takes_the_step(call)
                for function in own
                if function is not None
                for call in self._syntax.calls_in(function)
            )
        return self._stepping[statement]

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

    def _around(self, node: ast.AST) -> Seldom | None:
        """Return why a node is reached in few of the runs of the function it stands in."""
        for child, parent in self._syntax.ancestors(node):
            if isinstance(parent, (Function, ast.Lambda)):
                return None
            if why := self.why(child, parent, looped=False):
                return why
        return None


@lru_cache(maxsize=10_000)
def _is_cold_name(name: str, *, called: bool) -> bool:
    words = set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_"))
    if "sample" in words and words & _SHOWN:
        return True
    cold = _COLD_WORDS - _OF_BOTH if called else _COLD_WORDS
    return bool(words & cold) and not words & _TRAINING_WORDS


def _asks_for_evaluation(test: ast.expr) -> bool:
    """Whether this is `not self.training`."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=ast.Attribute(attr="training")):
            return True
    return False


def _asks_for_main(test: ast.expr) -> bool:
    """Whether this is `__name__ == "__main__"`, which within a function is for trying it out."""
    return isinstance(test, ast.Compare) and dotted(test.left) == "__name__"


def _reads_value(node: ast.AST) -> bool:
    """Whether this is `loss.item()`, or a size that depends on the data: `loss.numel()`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="item" | "nelement" | "numel")):
            return True
    return False


def _called(node: ast.AST) -> ast.AST:
    return node.func if isinstance(node, ast.Call) else node
