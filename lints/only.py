"""Which methods only one class of a project has, or its like: to call the name is to call these."""

from collections import defaultdict
from collections.abc import Iterable

from .outlines import Outline

# `head.get_loss(...)`, where nothing tells what `head` is, stands for this and the method's name.
ANY = "?"
# `self.compute(...)` in a base class may run what classes of other files define under its name.
HEIRS = "^"
# Under this name a result depends on which methods the project's files define.
EVERYTHING = "*"
_SHORTEST = 5
_MOST_CLASSES = 3
# Containers, files, models and optimizers have these: their names say nothing.
_COMMON = {
    *("update", "append", "extend", "insert", "remove", "clear", "items", "values", "index"),
    *("count", "reverse", "strip", "split", "format", "write", "close", "flush", "train"),
    *("float", "double", "parameters", "buffers", "children", "modules", "named_parameters"),
    *("state_dict", "load_state_dict", "zero_grad", "backward", "forward", "detach", "numpy"),
    *("tolist", "reset", "start", "shape", "build", "create", "parse", "apply", "register"),
    *("reduce", "gather", "scatter", "sample", "encode", "decode", "predict", "evaluate"),
    *("validate", "process", "transform", "preprocess", "postprocess", "collate", "resize"),
    *("normalize", "render", "add_argument", "add_scalar", "add_image", "add_histogram"),
    *("add_text", "log_metrics", "log_dict", "get_lr", "get_last_lr", "to_dict", "from_dict"),
    *("send", "receive", "connect", "execute", "submit", "result", "ready", "shutdown"),
}


def may_tell(name: str) -> bool:
    """Whether a method's name is one that people choose for one class."""
    return len(name) >= _SHORTEST and not name.startswith("__") and name not in _COMMON


def telling_methods(classes: Iterable[Outline]) -> dict[str, list[tuple[str, str]]]:
    """Return (file, "Class.method") by the name of each method that only classes of one file have.

    Such classes stand for each other, as the models of one file do.
    """
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for each in classes:
        for method in filter(may_tell, each.methods):
            found[method].append((each.file, f"{each.name}.{method}"))
    return {
        name: targets
        for name, targets in found.items()
        if len(targets) <= _MOST_CLASSES and len({file for file, _ in targets}) == 1
    }
