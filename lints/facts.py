"""All that a rule may ask about a libcst node: names, hot places, values."""

import ast
from collections.abc import Iterable, Iterator

import libcst as cst

from .bindings import How
from .file_facts import FileFacts
from .finding import Span
from .nodes import Function, dotted, path_of
from .pieces import Pieces
from .regions import Hot
from .values import UNKNOWN, Value


class Facts(FileFacts):
    """Answers rules' questions about libcst nodes by way of the stdlib tree.

    A node that has no counterpart there (inside an f-string of Python 3.11, say) is unknown.
    """

    def read(self, nodes: Iterable[ast.AST] | None = None) -> Iterator[cst.CSTNode]:
        """Yield the libcst nodes that rules visit: those of the statements around `nodes`, or all.

        Making them is what costs most.
        """
        pieces = None if nodes is None else [self.syntax.lines_of(node) for node in nodes]
        if pieces is not None and any(piece == self.syntax.all_lines for piece in pieces):
            pieces = None
        try:
            self._pieces = Pieces(self._source, pieces)
        except cst.ParserSyntaxError:
            if pieces is None:
                raise
            # Lines that make no sense on their own, as where `;` joins statements: take them all.
            self._pieces = Pieces(self._source)
        return self._pieces.roots()

    def span(self, node: cst.CSTNode) -> Span:
        """Return where a node stands."""
        return self._pieces.span(node)

    def code(self, new: cst.BaseExpression, node: cst.CSTNode | None = None) -> str:
        """Return the text of what stands in for a node; that one keeps its parentheses."""
        plain = self._pieces.code(new.with_changes(lpar=(), rpar=()), node)
        if "\n" not in plain or new.lpar == getattr(node, "lpar", ()):
            return plain
        # Without parentheses of its own, it would end with its first line.
        return self._pieces.code(new, node)

    def name(self, node: cst.CSTNode) -> str | None:
        """Return the full name, as in `torch.utils.data.DataLoader`, behind an imported name."""
        found = self.counterpart(node)
        return self.names.of(found) if found else None

    def hot(self, node: cst.CSTNode) -> Hot | None:
        """Return why a node runs in every training step; None where it does not."""
        found = self.counterpart(node)
        return self.regions.hot(found) if found else None

    def hot_or_noted(self, node: cst.CSTNode) -> Hot | None:
        """Return why a node runs in every step, or, where notes are wanted, in some of them."""
        found = self.counterpart(node)
        return self.runs(found) if found else None

    def may_wait(self, node: cst.CSTNode) -> bool:
        """Whether the project allows the host to wait for the device where a node stands."""
        found = self.counterpart(node)
        return found is not None and self.allowed_waits.at(found)

    def value(self, node: cst.CSTNode) -> Value:
        """Return what an expression holds."""
        found = self.counterpart(node)
        return self.dataflow.value(found) if found else UNKNOWN

    def builtin(self, node: cst.CSTNode) -> str | None:
        """Return the name of a builtin function, where nothing hides it."""
        found = self.counterpart(node)
        return self.names.builtin(found) if found else None

    def built_by(self, node: cst.CSTNode) -> str | None:
        """Return the imported class or function whose call the name was bound to."""
        found = self.counterpart(node)
        if isinstance(found, ast.Call):
            return self.names.of(found.func)
        path = path_of(found) if found else None
        if found is None or path is None:
            return None
        bindings = self.bindings.reaching(found, path)
        own = self.names.own_class(found) if path[0] == "self" else None
        if own is not None and not any(b.path == path for b in bindings):
            methods = [each for each in own.body if isinstance(each, Function)]
            bindings = [b for each in methods for b in self.bindings.everywhere(each, path)]
        elif not bindings and (home := self.names.home(found, path[0])):
            bindings = self.bindings.everywhere(home, path)
        built = {
            self.names.of(b.source.func) if isinstance(b.source, ast.Call) else None
            for b in bindings
            if b.how is How.ASSIGN and b.path == path
        }
        return built.pop() if len(built) == 1 and bindings else None

    def call(self, node: cst.Call) -> ast.Call | None:
        """Return a call in the stdlib tree."""
        found = self.counterpart(node)
        return found if isinstance(found, ast.Call) else None

    def training_loader(self, node: cst.Call) -> ast.Call | None:
        """Return the call of a `DataLoader` that feeds training on an accelerator."""
        call = self.call(node)
        if call is None or not self.loaders.is_loader(call) or self.is_test_code:
            return None
        return call if self.uses_accelerator and self.loaders.in_training(call) else None

    def is_saved(self, node: cst.CSTNode) -> bool:
        """Whether a value goes into a checkpoint: `torch.save({"loss": x.cpu()}, path)`."""
        found = self.counterpart(node)
        parents = [parent for _, parent in self.syntax.ancestors(found)] if found else []
        called = [parent.func for parent in parents if isinstance(parent, ast.Call)]
        return any((dotted(f) or "").rsplit(".", 1)[-1].startswith("save") for f in called)

    def without_grad(self, node: cst.CSTNode) -> bool:
        """Whether autograd is off where a node stands."""
        found = self.counterpart(node)
        return found is None or self.regions.without_grad(found)

    def outlives_step(self, node: cst.CSTNode) -> bool:
        """Whether what is added to this name is still there in the next step."""
        found = self.counterpart(node)
        return found is not None and self.accumulators.outlives_step(found)

    def escapes(self, node: cst.CSTNode) -> bool:
        """Whether others than the function around may get hold of what this name sums up."""
        found = self.counterpart(node)
        return found is None or self.accumulators.escapes(found)

    def feeds_backward(self, node: cst.CSTNode) -> bool:
        """Whether the backward pass is run on what this name sums up."""
        found = self.counterpart(node)
        return found is None or self.feeding.feeds_backward(found)

    def counterpart(self, node: cst.CSTNode) -> ast.expr | None:
        """Return the stdlib expression that stands at the place of a libcst one."""
        return self.syntax.expression_at(self.span(node))
