"""Which methods only one class of a project has, or its like: to call the name is to call these."""

# `head.get_loss(...)`, where nothing tells what `head` is, stands for this and the method's name.
ANY = "?"
# `self.compute(...)` in a base class may run what classes of other files define under its name.
HEIRS = "^"
# Under this name a result depends on which methods the project's files define.
EVERYTHING = "*"
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
