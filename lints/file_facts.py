"""What is worked out once about a file, on its stdlib tree: each question in its own room."""

import ast
from collections.abc import Iterator
from functools import cached_property

from .accumulators import Accumulators
from .allowed import AllowedWaits
from .attention import Attention
from .bindings import Binding, Bindings, How
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
from .finding import Severity
from .growth import Growth
from .guards import never
from .hosts import Hosts
from .loaders import Loaders
from .names import Names
from .new_tensors import NewTensors
from .notes import Notes
from .only import ANY, HEIRS
from .outside import ALONE, SPREAD, HotCall, Outside, Place
from .parameters import Parameters
from .paths import is_only_run, is_test_code
from .pinned_batches import PinnedBatches
from .precision import Precision
from .regions import Hot, Regions
from .samplers import Samplers
from .shown import Shown
from .survey import FRAMEWORKS
from .syntax import Syntax
from .terms import USUAL, Terms
from .values import Kind
from .words import has_word
from .worker_code import WorkerCode


class FileFacts:
    """Knows one file, with what others of the project say about it."""

    def __init__(
        self, source: str, path: str, outside: Outside = ALONE, terms: Terms = USUAL
    ) -> None:
        self.path = path
        self.terms = terms
        self._outside = outside
        self._source = source
        self.syntax = Syntax(source)

    def dismiss(self) -> None:
        """Let go of all that is known: nothing may be asked any more.

        The rooms know each other, so that without this only the garbage collector could free them.
        """
        for room in (*vars(self).values(), self):
            if hasattr(room, "__dict__") and room is not self._outside:
                vars(room).clear()

    @cached_property
    def names(self) -> Names:
        """What names stand for."""
        return Names(self.syntax, self._outside)

    @cached_property
    def regions(self) -> Regions:
        """Where code runs in every step."""
        return Regions(
            self.syntax,
            self.names,
            self.callees,
            self.path,
            self._outside,
            of_tests=self.is_test_code,
        )

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
        """Which calls move a tensor that was just made."""
        rooms = self.syntax, self.names, self.bindings, self.dataflow.value
        return Factories(*rooms, self.new_tensors)

    @cached_property
    def new_tensors(self) -> NewTensors:
        """Which expressions make a tensor on the host of nothing but numbers."""
        return NewTensors(
            self.syntax,
            self.names,
            self.bindings,
            self.dataflow.value,
            self.dataflow.given_back,
            self.regions.is_module,
        )

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

    def says_word(self, name: str) -> bool:
        """Whether a name stands anywhere in the file, and not only within a longer one."""
        return has_word(self._source, name)

    @cached_property
    def attention(self) -> Attention:
        """Which products are an attention written out by hand."""
        return Attention(self.syntax, self.names, self.bindings)

    @cached_property
    def copies(self) -> Copies:
        """How batches come to the device."""
        return Copies(self.syntax, self.names, self.regions, self.dataflow)

    @cached_property
    def pinned_batches(self) -> PinnedBatches:
        """Which batches say how a loader pins them."""
        return PinnedBatches(self.syntax, self.names, self.bindings)

    @cached_property
    def evaluations(self) -> Evaluations:
        """Which loops evaluate a model with autograd on."""
        return Evaluations(self.syntax, self.names, self.regions, self.loaders, self.dataflow)

    @cached_property
    def notes(self) -> Notes:
        """Where a wait is worth a note only."""
        return Notes(self.syntax, self.names, self.regions, self.loaders, self.evaluations)

    @cached_property
    def allowed_waits(self) -> AllowedWaits:
        """Where the project allows the host to wait for the device."""
        return AllowedWaits(
            self.syntax, self.names, self.regions, frozenset(self.terms.sync_allowed)
        )

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
        """Whether the file, or one of its project that trains, speaks of a GPU or its like."""
        if self.terms.accelerator != "auto":
            return self.terms.accelerator != "none"
        if self.runs_on_host:
            return False
        if self.names.imports("lightning", "pytorch_lightning", "accelerate", "deepspeed"):
            return True
        if self._outside.accelerates:
            return True
        return any(word in self._source for word in ("cuda", "xpu", ".accelerator", ".to(device"))

    @cached_property
    def runs_on_host(self) -> bool:
        """Whether the file, or the whole project, trains on the CPU: it names no other device."""
        if self.terms.accelerator != "auto":
            return self.terms.accelerator == "none"
        rooms = self.syntax, self.names, self.regions, self.bindings, self.dataflow
        return self._outside.on_host or Hosts(self._source, *rooms).on_cpu()

    @cached_property
    def is_test_code(self) -> bool:
        """Whether the file holds tests or benchmarks."""
        return is_test_code(self.path, self._source)

    def hot_calls(self) -> Iterator[HotCall]:
        """Yield what this file calls of others in every step, with what it passes."""
        for call, target, hot in self.regions.calls_outward():
            if not target.startswith((ANY, HEIRS)) and not self._outside.defines(target):
                continue  # nobody asks what is passed to it
            chain = (*hot.chain, f"{self.path}:{call.lineno}")
            given: list[tuple[str | int, ast.expr]] = [
                *enumerate(call.args),
                *((k.arg or SPREAD, k.value) for k in call.keywords),
            ]
            passed = ((name, self.dataflow.value(node).but(loader=None)) for name, node in given)
            seldom = (name for name, node in given if self.regions.rare(node) or never(node))
            there = {name: self.regions.is_given(node) for name, node in given}
            yield HotCall(
                target,
                hot.place,
                chain,
                tuple(passed),
                tuple(seldom),
                tuple(name for name, is_there in there.items() if is_there),
                tuple(name for name, is_there in there.items() if is_there is False),
            )

    def handed_loaders(self) -> Iterator[HotCall]:
        """Yield the calls of other files' functions that are given a loader, to train with it."""
        for call in self.syntax.calls if self.says("oader") and not self.is_test_code else ():
            given: list[tuple[str | int, ast.expr]] = [
                *enumerate(call.args),
                *((k.arg, k.value) for k in call.keywords if k.arg),
            ]
            named = [(key, node) for key, node in given if _is_called_loader(node)]
            target = self.regions.called(call) if named else None
            if not isinstance(target, str) or not self._outside.defines(target):
                continue
            values = ((key, self.dataflow.value(node).but(loader=None)) for key, node in named)
            passed = tuple((key, value) for key, value in values if value.kind is Kind.LOADER)
            if passed:
                yield HotCall(target, Place.HANDED, (f"{self.path}:{call.lineno}",), passed)

    def is_hot(self, node: ast.AST) -> bool:
        """Whether a node of the stdlib tree runs in every training step."""
        return self.regions.hot(node) is not None

    def runs(self, node: ast.AST) -> Hot | None:
        """Return why a node runs in every step, or, where notes are wanted, in some of them."""
        hot = self.regions.hot(node)
        if hot is None and self.terms.notes and not self.is_test_code:
            return self.notes.seldom(node)
        return hot

    def severity(self, usual: Severity, hot: Hot) -> Severity:
        """Return how much a finding in hot code matters: less in a `forward` that nobody trains."""
        if hot.seldom is not None:
            return Severity.INFO
        trains = self.regions.trains and not self.regions.only_runs and not is_only_run(self.path)
        if hot.place is Place.FORWARD and not trains:
            return Severity.INFO
        return usual

    def is_input(self, node: ast.expr, depth: int = 2) -> bool:
        """Whether an expression is a parameter of a `forward` or a loss, or a part of one."""
        while isinstance(node, (ast.Subscript, ast.Attribute)) or (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        ):
            node = node.func.value if isinstance(node, ast.Call) else node.value  # type: ignore[attr-defined]
        function = self.syntax.function(node)
        if not isinstance(node, ast.Name) or not self.regions.computes(function or node):
            return False
        found = self.bindings.reaching(node, (node.id,))
        return bool(found) and all(self._is_of_input(binding, depth) for binding in found)

    def _is_of_input(self, binding: Binding, depth: int) -> bool:
        """Whether a name is bound to a parameter, or by a loop over one."""
        source = binding.source
        if binding.how is How.ITEM and depth:
            while isinstance(source, ast.Call) and source.args:
                source = source.args[0]  # `enumerate(x)`
            return isinstance(source, ast.expr) and self.is_input(source, depth - 1)
        return binding.how is How.PARAMETER

    def source_of(self, node: ast.Name) -> ast.expr | None:
        """Return the expression that a name stands for, where one assignment gives it."""
        bindings = self.bindings.reaching(node, (node.id,))
        if len(bindings) != 1 or bindings[0].how is not How.ASSIGN or bindings[0].at:
            return None
        source = bindings[0].source
        return source if isinstance(source, ast.expr) else None


def _is_called_loader(node: ast.expr) -> bool:
    """Whether an argument is named as a loader: others are not asked for what they hold."""
    name = getattr(node, "attr", getattr(node, "id", ""))
    return "loader" in name.lower()
