"""All that a rule may ask about a file, worked out once: names, hot places, values."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cached_property

import libcst as cst

from .accumulators import Accumulators
from .attention import Attention
from .bindings import Bindings, How
from .callees import Callees
from .collectives import Collectives
from .compiled import Compiled
from .conditions import by_choice
from .copies import Copies
from .dataflow import Dataflow
from .decisions import Decisions
from .evaluation import Evaluations
from .factories import Factories
from .feeding import Feeding
from .finding import Severity, Span
from .growth import Growth
from .loaders import Loaders
from .names import Names
from .outside import ALONE, HotCall, Outside, Place
from .parameters import Parameters
from .paths import is_test_code
from .pieces import Pieces
from .precision import Precision
from .regions import Hot, Regions
from .samplers import Samplers
from .shown import Shown
from .survey import FRAMEWORKS
from .syntax import Syntax, dotted, path_of
from .values import UNKNOWN, Value
from .worker_code import WorkerCode

# Without any of these words, a program that makes its own model leaves it on the CPU.
_ELSEWHERE = re.compile(
    r"cuda|accelerat|deepspeed|fabric|lightning|Trainer|\b(xpu|mps|npu|hpu|gpu)\b", re.IGNORECASE
)
_THE_CPU = re.compile(r"""device\(["']cpu["']\)|device\s*=\s*["']cpu["']""")


class Facts:
    """Answers rules' questions about libcst nodes by way of the stdlib tree.

    A node that has no counterpart there (inside an f-string of Python 3.11, say) is unknown.
    """

    def __init__(self, source: str, path: str, outside: Outside = ALONE) -> None:
        self.path = path
        self._outside = outside
        self._source = source
        self.syntax = Syntax(source)

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

    @cached_property
    def names(self) -> Names:
        """What names stand for."""
        return Names(self.syntax, self._outside)

    @cached_property
    def regions(self) -> Regions:
        """Where code runs in every step."""
        return Regions(self.syntax, self.names, self.callees, self.path, self._outside)

    @cached_property
    def callees(self) -> Callees:
        """Which functions calls run."""
        return Callees(self.syntax, self.names, self.bindings)

    @cached_property
    def bindings(self) -> Bindings:
        """Which assignments reach a name."""
        return Bindings(self.syntax)

    @cached_property
    def factories(self) -> Factories:
        """Which calls make a new tensor."""
        return Factories(self.syntax, self.names, self.bindings)

    @cached_property
    def collectives(self) -> Collectives:
        """In which calls all processes take part."""
        return Collectives(self.syntax, self.names, self.bindings, self.feeding, self.factories)

    @cached_property
    def parameters(self) -> Parameters:
        """Which loops take parameters one by one."""
        return Parameters(self.syntax, self.names, self.bindings)

    @cached_property
    def growth(self) -> Growth:
        """Which tensors grow in a loop."""
        return Growth(self.syntax, self.names, self.regions, self.bindings, self.loaders)

    def by_choice(self, node: ast.AST) -> bool:
        """Whether an option or the data decides, within the step, that a node runs in it."""
        return by_choice(self.syntax, self.names, self.regions, node)

    @cached_property
    def loaders(self) -> Loaders:
        """How data loaders are set up."""
        return Loaders(
            self.syntax,
            self.names,
            self.regions,
            self.bindings,
            any_at_all=self.says("DataLoader"),  # in the name of every class that is known
        )

    @cached_property
    def accumulators(self) -> Accumulators:
        """What lives longer than a step."""
        return Accumulators(self.syntax, self.names, self.regions, self.bindings)

    @cached_property
    def feeding(self) -> Feeding:
        """What a loss is made of."""
        return Feeding(self.syntax, self.names)

    @cached_property
    def dataflow(self) -> Dataflow:
        """What expressions hold."""
        return Dataflow(
            self.syntax, self.names, self.regions, self.bindings, self.loaders, self.feeding
        )

    @cached_property
    def samplers(self) -> Samplers:
        """Which samplers shuffle every epoch alike."""
        return Samplers(self.syntax, self.names, self.loaders)

    @cached_property
    def worker_code(self) -> WorkerCode:
        """What runs in the worker processes of loaders."""
        return WorkerCode(self.syntax, self.names, self.bindings, self.loaders)

    @cached_property
    def compiled(self) -> Compiled:
        """What runs inside `torch.compile`."""
        return Compiled(self.syntax, self.names, self.regions, self.bindings)

    @cached_property
    def precision(self) -> Precision:
        """What the file says of mixed precision."""
        return Precision(self.syntax, self.names, self.bindings)

    @cached_property
    def says_torch(self) -> bool:
        """Whether a fix may write `torch.` anywhere in the file."""
        imports = (each for each in self.syntax.tree.body if isinstance(each, ast.Import))
        names = [alias for statement in imports for alias in statement.names]
        return any(a.name.split(".")[0] == "torch" and a.asname is None for a in names)

    def says(self, *words: str) -> bool:
        """Whether one of these words stands anywhere in the file, comments included."""
        return any(word in self._source for word in words)

    @cached_property
    def attention(self) -> Attention:
        """Which products are an attention written out by hand."""
        return Attention(self.syntax, self.names, self.bindings)

    @cached_property
    def copies(self) -> Copies:
        """How batches come to the device."""
        return Copies(self.syntax, self.names, self.regions, self.dataflow)

    @cached_property
    def evaluations(self) -> Evaluations:
        """Which loops evaluate a model with autograd on."""
        return Evaluations(self.syntax, self.names, self.regions, self.loaders, self.dataflow)

    @cached_property
    def decisions(self) -> Decisions:
        """What Python takes the truth of."""
        return Decisions(self.syntax, self.names, self.dataflow)

    @cached_property
    def shown(self) -> Shown:
        """Where values are turned into text, logged or tracked."""
        return Shown(self.syntax, self.names)

    @cached_property
    def uses_torch(self) -> bool:
        """Whether the file imports torch or a framework on top of it."""
        return self.names.imports(*FRAMEWORKS)

    @cached_property
    def uses_accelerator(self) -> bool:
        """Whether the file itself speaks of a GPU, or of a framework that brings one."""
        if self.names.imports("lightning", "pytorch_lightning", "accelerate", "deepspeed"):
            return True
        return any(word in self._source for word in ("cuda", "xpu", ".accelerator", ".to(device"))

    @cached_property
    def runs_on_host(self) -> bool:
        """Whether the file is a whole program that trains on the CPU: it names no other device."""
        if _ELSEWHERE.search(self._source):
            return False
        if "device" in self._source and not _THE_CPU.search(self._source):
            return False
        made = [self.names.of(call.func) or "" for call in self.syntax.calls]
        optimizes = any(name.startswith("torch.optim.") for name in made)
        return optimizes and any(self.regions.is_module(home) for home in self.syntax.classes)

    @cached_property
    def is_test_code(self) -> bool:
        """Whether the file holds tests or benchmarks."""
        return is_test_code(self.path)

    def span(self, node: cst.CSTNode) -> Span:
        """Return where a node stands."""
        return self._pieces.span(node)

    def code(self, node: cst.BaseExpression) -> str:
        """Return the text of a node that stands in for another; that one keeps its parentheses."""
        return self._pieces.module.code_for_node(node.with_changes(lpar=(), rpar=()))

    def name(self, node: cst.CSTNode) -> str | None:
        """Return the full name, as in `torch.utils.data.DataLoader`, behind an imported name."""
        found = self.counterpart(node)
        return self.names.of(found) if found else None

    def hot_calls(self) -> Iterator[HotCall]:
        """Yield what this file calls of others in every step, with what it passes."""
        for call, target, hot in self.regions.calls_outward():
            chain = (*hot.chain, f"{self.path}:{call.lineno}")
            given: list[tuple[str | int, ast.expr]] = [
                *enumerate(call.args),
                *((k.arg, k.value) for k in call.keywords if k.arg),
            ]
            passed = ((name, self.dataflow.value(node).but(loader=None)) for name, node in given)
            yield HotCall(target, hot.place, chain, tuple(passed))

    def is_hot(self, node: ast.AST) -> bool:
        """Whether a node of the stdlib tree runs in every training step."""
        return self.regions.hot(node) is not None

    def hot(self, node: cst.CSTNode) -> Hot | None:
        """Return why a node runs in every training step; None where it does not."""
        found = self.counterpart(node)
        return self.regions.hot(found) if found else None

    def severity(self, usual: Severity, hot: Hot) -> Severity:
        """Return how much a finding in hot code matters: less in a `forward` that nobody trains."""
        if hot.place is Place.FORWARD and not self.regions.trains:
            return Severity.INFO
        return usual

    def value(self, node: cst.CSTNode) -> Value:
        """Return what an expression holds."""
        found = self.counterpart(node)
        return self.dataflow.value(found) if found else UNKNOWN

    def builtin(self, node: cst.CSTNode) -> str | None:
        """Return the name of a builtin function, where nothing hides it."""
        found = self.counterpart(node)
        return self.names.builtin(found) if found else None

    def source_of(self, node: ast.Name) -> ast.expr | None:
        """Return the expression that a name stands for, where one assignment gives it."""
        bindings = self.bindings.reaching(node, (node.id,))
        if len(bindings) != 1 or bindings[0].how is not How.ASSIGN or bindings[0].at:
            return None
        source = bindings[0].source
        return source if isinstance(source, ast.expr) else None

    def built_by(self, node: cst.CSTNode) -> str | None:
        """Return the imported class or function whose call the name was bound to."""
        found = self.counterpart(node)
        if isinstance(found, ast.Call):
            return self.names.of(found.func)
        path = path_of(found) if found else None
        if found is None or path is None:
            return None
        bindings = self.bindings.reaching(found, path)
        if not bindings and (home := self.names.home(found, path[0])):
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
