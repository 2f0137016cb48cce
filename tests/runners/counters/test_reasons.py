"""Why a graph breaks is one sentence at one line of the repository, the same in every process."""

import pytest
from torch_perflint.runners.counters.reasons import GRAPH_BREAKS, RECOMPILES, Told, reasons_of
from torch_perflint.runners.counters.reasons import sentence as sentence_of
from torch_perflint.runners.new_places import with_base
from torch_perflint.runners.sample import Reason

ROOT = "/home/me/tree"

PRINT = """Failed to trace builtin operator
  Explanation: Dynamo does not know how to trace builtin operator `print` with argument types \
['str'] (has_kwargs False)
  Hint: Avoid calling builtin `print` with argument types ['str']. Consider another.

  Developer debug context: builtin print [<class 'ConstantVariable'>] False

 For more details about this graph break, please visit: https://example.org/gb0059.html"""

BRANCH = """Data-dependent branching
  Explanation: Detected data-dependent branching (e.g. `if my_tensor.sum() > 0:`). Dynamo does \
not support tracing dynamic control flow.
  Hint: This graph break is fundamental."""

GUARD = f"""0/1: self.scale == 1.0      # y = x * self.scale  # /me/tree/model.py:10 in f
User stack trace:
  File "{ROOT}/train.py", line 3, in step
    model(x)
  File "{ROOT}/model.py", line 10, in f
    y = x * self.scale"""


def own(file: str) -> str | None:
    return file.removeprefix(f"{ROOT}/") if file.startswith(f"{ROOT}/") else None


@pytest.mark.parametrize(
    ("counter", "text", "sentence"),
    [
        (
            GRAPH_BREAKS,
            PRINT,
            "Dynamo does not know how to trace builtin operator `print` with argument types "
            "['str']",
        ),
        # What is no end of a sentence does not cut it.
        (
            GRAPH_BREAKS,
            BRANCH,
            "Detected data-dependent branching",
        ),
        (GRAPH_BREAKS, "generic_jump TensorVariable()", "a branch on a tensor's value"),
        (GRAPH_BREAKS, "generic_jump SymNodeVariable()", "a branch on `SymNodeVariable()`"),
        (GRAPH_BREAKS, "step_unsupported", "`torch.compile` cannot trace this line"),
        # Versions without explanations.
        (
            GRAPH_BREAKS,
            "call_function <function f at 0x7f00aa> in file /home/me/tree/a.py\nmore",
            "call_function <function f> in file a.py",
        ),
        (
            RECOMPILES,
            "0/0: tensor 'x' size mismatch at index 0. expected 2, actual 3",
            "tensor 'x' size mismatch at index 0. expected 2, actual 3",
        ),
        (RECOMPILES, GUARD, "`self.scale == 1.0` does not hold any more"),
        (
            RECOMPILES,
            "7/1: ___check_type_id(k, 139897526910176), type=<class 'int'>  # return x",
            "`___check_type_id(k, ), type=<class 'int'>` does not hold any more",
        ),
    ],
)
def test_what_pytorch_says_becomes_one_sentence(counter: str, text: str, sentence: str) -> None:
    assert sentence_of(Told(counter, text), ROOT) == sentence


def test_a_sentence_is_short_however_much_pytorch_says() -> None:
    assert len(sentence_of(Told(GRAPH_BREAKS, "no " * 1000))) == 300


def test_the_line_is_the_innermost_of_the_repository() -> None:
    frames = ((f"{ROOT}/train.py", 3), (f"{ROOT}/model.py", 12), ("/usr/lib/torch/nn.py", 99))
    told = [
        Told(GRAPH_BREAKS, PRINT, frames),
        Told(GRAPH_BREAKS, PRINT, frames),
        Told(GRAPH_BREAKS, "generic_jump TensorVariable()", (("/usr/lib/torch/nn.py", 99),)),
        Told(GRAPH_BREAKS, "left", (("/usr/lib/torch/nn.py", 99),), (f"{ROOT}/model.py", 30)),
        Told(RECOMPILES, GUARD, function=(f"{ROOT}/train.py", 1)),
        Told(RECOMPILES, "0/0: tensor 'x' has 2 sizes", function=(f"{ROOT}/model.py", 8)),
        Told(RECOMPILES, GUARD.partition("\n")[0], function=(f"{ROOT}/model.py", 8)),
        Told(RECOMPILES, "0/0: x is None  # if  # s/site.py:4 in g", function=("/lib/site.py", 1)),
    ]
    found = [(one.path, one.line, one.count) for one in reasons_of(told, own, ROOT)]
    assert found == [
        ("", 0, 1),
        ("model.py", 12, 2),
        ("model.py", 30, 1),
        ("", 0, 1),
        ("model.py", 8, 1),
        ("model.py", 10, 2),
    ]


def test_head_s_reasons_are_held_against_base_s_on_the_same_line_of_code() -> None:
    old, new = "a\nb\n", "import x\na\nb\nprint()\n"
    base = [
        Reason(GRAPH_BREAKS, "m.py", 2, "why"),
        Reason(GRAPH_BREAKS, "", 0, "elsewhere"),
        Reason(GRAPH_BREAKS, "m.py", 1, "twice"),
    ]
    head = [
        Reason(GRAPH_BREAKS, "m.py", 3, "why"),
        Reason(GRAPH_BREAKS, "m.py", 4, "why"),
        Reason(GRAPH_BREAKS, "", 0, "elsewhere"),
        Reason(GRAPH_BREAKS, "m.py", 2, "twice", 2),
        Reason(GRAPH_BREAKS, "m.py", 3, "another"),
    ]
    found = with_base(base, head, lambda path: (old, new))
    assert [one.before for one in found] == [1, 0, 1, 1, 0]
