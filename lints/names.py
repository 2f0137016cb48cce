"""What names stand for: imports under any alias, local functions and classes, their bases."""

import ast
import builtins
from collections import defaultdict

from .syntax import Function, Syntax, dotted

# One class, several addresses: the left one is how torch's own documentation calls it.
_SAME = {
    "torch.nn.parallel.DataParallel": "torch.nn.DataParallel",
    "torch.nn.parallel.data_parallel.DataParallel": "torch.nn.DataParallel",
    "torch.utils.data.dataloader.DataLoader": "torch.utils.data.DataLoader",
    "torch.utils.data.dataset.TensorDataset": "torch.utils.data.TensorDataset",
    "torch.utils.data.dataset.IterableDataset": "torch.utils.data.IterableDataset",
    "torch.autograd.no_grad": "torch.no_grad",
    "torch.autograd.grad_mode.no_grad": "torch.no_grad",
    "torch.nn.Module": "torch.nn.Module",
}
_MOVED = (
    ("lightning.pytorch.", "pytorch_lightning."),
    ("lightning.", "pytorch_lightning."),
    ("pytorch_lightning.core.module.", "pytorch_lightning."),
    ("pytorch_lightning.core.", "pytorch_lightning."),
    ("pytorch_lightning.callbacks.", "pytorch_lightning."),
    ("transformers.trainer.", "transformers."),
    ("transformers.trainer_callback.", "transformers."),
    ("torch.nn.modules.module.", "torch.nn."),
    ("torch.nn.modules.loss.", "torch.nn."),
    ("torch.nn.modules.", "torch.nn."),
)

Definition = Function | ast.ClassDef


class Names:
    """The names of one file, by the scope that binds them."""

    def __init__(self, syntax: Syntax) -> None:
        self._syntax = syntax
        self._imports: dict[ast.AST, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._defined: dict[ast.AST, dict[str, list[Definition]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self._other: dict[ast.AST, set[str]] = defaultdict(set)
        self._methods: dict[ast.ClassDef, list[Function]] = {}
        for node in ast.walk(syntax.tree):
            self._collect(node)

    def of(self, node: ast.AST) -> str | None:
        """Return the full name, as in `torch.nn.Linear`, that an expression imports; else None."""
        text = dotted(node)
        if text is None:
            return None
        first, _, rest = text.partition(".")
        scope = self._scope_of(node, first)
        if scope is None or first in self._other[scope] or first in self._defined[scope]:
            return None
        targets = {canonical(target) for target in self._imports[scope][first]}
        # `try: import a as x / except ImportError: import b as x` could be either.
        if len(targets) != 1:
            return None
        return canonical(f"{targets.pop()}.{rest}" if rest else targets.pop())

    def definition(self, node: ast.AST) -> Definition | None:
        """Return the function or class of this file that an expression names, `self.x` included."""
        if isinstance(node, ast.Name):
            return self._local(node)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id in ("self", "cls"):
                home = self.own_class(node)
                return self.method(home, node.attr) if home else None
            named = self._local(node.value)
            if isinstance(named, ast.ClassDef):
                return self.method(named, node.attr)
        return None

    def method(self, home: ast.ClassDef, name: str, depth: int = 4) -> Function | None:
        """Return a method of a class, or of one of its bases in the same file."""
        for statement in home.body:
            if isinstance(statement, Function) and statement.name == name:
                return statement
        for base in home.bases if depth else ():
            local = self.definition(base) if isinstance(base, ast.Name) else None
            if not isinstance(local, ast.ClassDef) or local is home:
                continue
            if found := self.method(local, name, depth - 1):
                return found
        return None

    def methods(self, home: ast.ClassDef) -> list[Function]:
        """Return the methods of a class, and the functions within them."""
        if home not in self._methods:
            inside = (node for node in ast.walk(home) if isinstance(node, Function))
            self._methods[home] = list(inside)
        return self._methods[home]

    def own_class(self, node: ast.AST) -> ast.ClassDef | None:
        """Return the class whose method this node stands in, closures included."""
        for _, parent in self._syntax.ancestors(node):
            if isinstance(parent, ast.ClassDef):
                return parent
        return None

    def bases(self, home: ast.ClassDef, depth: int = 4) -> set[str]:
        """Return the full names of all imported bases, through classes of the same file."""
        found: set[str] = set()
        for base in home.bases:
            if name := self.of(base):
                found.add(name)
            elif depth and isinstance(local := self.definition(base), ast.ClassDef):
                found |= self.bases(local, depth - 1)
        return found

    def imports(self, *packages: str) -> bool:
        """Whether the file imports anything of one of these packages."""
        return any(
            target.split(".")[0] in packages
            for scope in self._imports.values()
            for targets in scope.values()
            for target in targets
        )

    def builtin(self, node: ast.AST) -> str | None:
        """Return the name of a builtin that nothing in the file hides."""
        if not isinstance(node, ast.Name) or not hasattr(builtins, node.id):
            return None
        return node.id if self._scope_of(node, node.id) is None else None

    def home(self, node: ast.AST, name: str) -> ast.AST | None:
        """Return the scope that binds a name which this node uses; None for builtins."""
        return self._scope_of(node, name)

    def _local(self, node: ast.Name) -> Definition | None:
        scope = self._scope_of(node, node.id)
        if scope is None or node.id in self._other[scope] or self._imports[scope].get(node.id):
            return None
        found = self._defined[scope].get(node.id, [])
        return found[0] if len(found) == 1 else None

    def _scope_of(self, node: ast.AST, name: str) -> ast.AST | None:
        scope = self._syntax.scope(node)
        inner = True
        while True:
            # Names of a class body are not seen from its methods.
            if inner or not isinstance(scope, ast.ClassDef):
                known = self._imports[scope], self._defined[scope], self._other[scope]
                if any(name in names for names in known):
                    return scope
            if isinstance(scope, ast.Module):
                return None
            scope = self._syntax.scope(scope)
            inner = False

    def _collect(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    bound = alias.asname or alias.name.split(".")[0]
                    target = alias.name if alias.asname else bound
                    self._imports[self._syntax.scope(node)][bound].add(target)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                for alias in aliases:
                    target = "." * level + ".".join(filter(None, (module, alias.name)))
                    self._imports[self._syntax.scope(node)][alias.asname or alias.name].add(target)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._defined[self._syntax.scope(node)][node.name].append(node)
                if not isinstance(node, ast.ClassDef):
                    self._other[node] |= parameters(node.args)
            case ast.Lambda(args=args):
                self._other[node] |= parameters(args)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                self._other[self._syntax.scope(node)].add(name)
            case ast.ExceptHandler(name=str() as name) | ast.MatchAs(name=str() as name):
                self._other[self._syntax.scope(node)].add(name)


def parameters(args: ast.arguments) -> set[str]:
    """Return the names of all parameters."""
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {arg.arg for arg in every if arg is not None}


def canonical(name: str) -> str:
    """Return one name for what can be imported from several places."""
    for prefix, instead in _MOVED:
        if name.startswith(prefix):
            name = instead + name.removeprefix(prefix)
    return _SAME.get(name, name)
