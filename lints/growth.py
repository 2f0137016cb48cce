"""Tensors that grow by concatenation in a loop, and are copied as a whole each time."""

import ast
import re
from collections import defaultdict
from dataclasses import dataclass

from .bindings import Bindings, Path
from .guards import rare
from .loaders import Loaders
from .meanings import Meanings
from .names import Names
from .nodes import OWN_TIME, Function, Loop, keyword, path_of, within
from .regions import Regions
from .syntax import Syntax

_CATS = {
    *("torch.cat", "torch.concat", "torch.concatenate", "torch.vstack", "torch.hstack"),
    *("torch.dstack", "torch.row_stack", "torch.column_stack"),
}
_BATCHES = re.compile(
    r"loader|batches|dataset|data_?iter|batch_?iter|train_?(iter|data)|(val|valid|test|eval)_?(iter|data)"
    r"|(^|\W|_)(dl|generator)(\W|$)",
    re.IGNORECASE,
)
_IN_STEPS = re.compile(r"batch|bs\b|chunk", re.IGNORECASE)
# What these tell of a tensor, they tell without reading it.
_ASIDE = {"shape", "size", "dtype", "device", "numel", "dim", "ndim"}


@dataclass(frozen=True, slots=True)
class Growing:
    """`cat` adds to `path` in every turn of `loop`; `batches` says that it walks over batches."""

    cat: ast.Call
    path: Path
    loop: Loop
    batches: bool


class Growth:
    """Answers whether an assignment makes a tensor longer in each turn of a loop."""

    def __init__(
        self,
        syntax: Syntax,
        names: Names,
        regions: Regions,
        bindings: Bindings,
        loaders: Loaders,
    ) -> None:
        self._meanings = Meanings(syntax, names)
        self._syntax = syntax
        self._names = names
        self._regions = regions
        self._bindings = bindings
        self._loaders = loaders
        self._uses: dict[Loop, _Uses] = {}

    def growing(self, cat: ast.Call) -> Growing | None:
        """Return what `x = torch.cat((x, y))` grows; None where it starts anew or is used."""
        if self._names.of(cat.func) not in _CATS:
            return None
        statement = self._syntax.statement(cat)
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            return None
        path = path_of(statement.targets[0])
        if path is None or not self._is_whole_value(cat, statement):
            return None
        # Twice itself is no gathering: that doubles.
        if _joined(cat).count(path) != 1:
            return None
        loops = self._loops(statement, path)
        if not loops or self._is_read_meanwhile(loops[-1], statement, path):
            return None
        return Growing(cat, path, loops[0], any(self._over_batches(loop) for loop in loops))

    def _is_whole_value(self, cat: ast.Call, statement: ast.Assign) -> bool:
        """Whether nothing shortens the result; `x if ... else torch.cat(...)` does not."""
        value = statement.value
        return value is cat or (isinstance(value, ast.IfExp) and cat in (value.body, value.orelse))

    def _loops(self, statement: ast.Assign, path: Path) -> list[Loop]:
        """Return the loops around that the tensor outlives the turns of, the innermost first."""
        found: list[Loop] = []
        for child, parent in self._syntax.ancestors(statement):
            if isinstance(parent, Function | ast.Lambda | ast.ClassDef):
                break
            if isinstance(parent, Loop) and child in parent.body:
                if self._starts_anew(parent, statement, path):
                    break
                found.append(parent)
        return found

    def _starts_anew(self, loop: Loop, own: ast.Assign, path: Path) -> bool:
        """Whether a turn of the loop binds the name otherwise, unless only at first."""
        starts = (path[:length] for length in range(1, len(path) + 1))
        for node in (node for start in starts for node in self._used_in(loop).stores[start]):
            statement = self._syntax.statement(node)
            if statement is own or self._only_at_first(node, loop, path):
                continue
            return True
        return False

    def _only_at_first(self, node: ast.AST, loop: Loop, path: Path) -> bool:
        """Whether this binds the name in the first turn: `if x is None`, `if i == 0`, `except`."""
        for child, parent in self._syntax.ancestors(node):
            if parent is loop:
                return False
            if isinstance(parent, ast.ExceptHandler):
                return True
            if isinstance(parent, ast.If) and child is not parent.test:
                asks = any(path_of(part) == path for part in within(parent.test) if _is_ref(part))
                if asks or rare(parent.test, self._meanings) or _asks_for_first(parent.test):
                    return True
                if path[-1] in ast.unparse(parent.test):
                    return True
        return False

    def _is_read_meanwhile(self, loop: Loop, own: ast.Assign, path: Path) -> bool:
        """Whether the loop needs the whole tensor before it ends, as when it generates tokens."""
        uses = self._used_in(loop)
        for node in uses.loads[path]:
            if self._syntax.statement(node) is own or self._is_aside(node):
                continue
            return True
        return any(path[0] in text for text in uses.functions)

    def _used_in(self, loop: Loop) -> "_Uses":
        if loop not in self._uses:
            self._uses[loop] = _Uses(loop)
        return self._uses[loop]

    def _is_aside(self, node: ast.AST) -> bool:
        parent = self._syntax.parent(node)
        match parent:
            case ast.Attribute(attr=attr) if attr in _ASIDE:
                return True
            case ast.Call(func=ast.Name(id="len" | "isinstance")):
                return True
            case ast.Compare(ops=[ast.Is() | ast.IsNot()]):
                return True
            case ast.If() | ast.IfExp() | ast.UnaryOp(op=ast.Not()):
                return True
            case ast.Delete():
                return True
        return False

    def _over_batches(self, loop: Loop) -> bool:
        if self._regions.is_step_loop(loop):
            return True
        if isinstance(loop, ast.While):
            return False
        if "batch" in ast.unparse(loop.target).lower():
            return True
        source = ast.unparse(self._loaders.looped_over(loop.iter))
        if source.startswith("range"):
            return source.count(",") == 2 and bool(_IN_STEPS.search(source))
        return bool(_BATCHES.search(source))


class _Uses:
    """What a loop reads and binds, by path, and the text of the functions that it defines."""

    def __init__(self, loop: Loop) -> None:
        self.loads: dict[Path, list[ast.AST]] = defaultdict(list)
        self.stores: dict[Path, list[ast.AST]] = defaultdict(list)
        self.functions = [ast.unparse(each) for each in loop.body if isinstance(each, OWN_TIME)]
        for node in within(loop):
            if _is_ref(node) and (path := path_of(node)):
                loads = isinstance(getattr(node, "ctx", None), ast.Load)
                (self.loads if loads else self.stores)[path].append(node)


def _joined(cat: ast.Call) -> list[Path]:
    """Return the names that a call concatenates, seen through `.detach()` and the like."""
    given = cat.args[0] if cat.args else keyword(cat, "tensors")
    found: list[Path] = []
    for part in given.elts if isinstance(given, (ast.List, ast.Tuple)) else ():
        while isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            part = part.func.value
        if path := path_of(part):
            found.append(path)
    return found


def _is_ref(node: ast.AST) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))


def _asks_for_first(test: ast.expr) -> bool:
    """Whether a condition asks for the first turn: `if first:`, `if i == 0`, `if not started`."""
    text = ast.unparse(test)
    return bool(re.search(r"first|start|init|== 0|== 1\b|is None|len\(|empty", text))
