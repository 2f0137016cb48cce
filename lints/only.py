"""Which methods only one class of a project has: who calls one by its name, calls that class's."""

import re
from collections.abc import Iterable

# `head.get_loss(...)`, where nothing tells what `head` is, stands for this and the method's name.
ANY = "?"
# Under this name a result depends on which methods the project's files define.
EVERYTHING = "*"
_LINE = re.compile(r"^(?:class (\w+)|([ \t]+)(?:async )?def (\w+)\()", re.MULTILINE)
_SHORTEST = 5
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


def only_methods(texts: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return (file, "Class.method") by the name of each method that one class alone defines."""
    found: dict[str, tuple[str, str] | None] = {}
    for file, text in texts:
        home, depth = "", ""
        for line in _LINE.finditer(text):
            named, indent, method = line.groups()
            if named:
                home, depth = named, ""
                continue
            depth = depth or indent
            if home and indent == depth and may_tell(method):
                found[method] = None if method in found else (file, f"{home}.{method}")
    return {name: target for name, target in found.items() if target is not None}
