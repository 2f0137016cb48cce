"""How far hot code is followed: to methods of objects, of base classes, of other files."""

from pathlib import Path
from textwrap import dedent

import pytest
from torch_perflint.lints.check import check_paths
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.work import Effort

STEP = """\
import torch
{imports}

def train(loader, optimizer, model, criterion):
    {before}
    for x, y in loader:
        loss = criterion(model(x.cuda()), y)
        loss.backward()
        optimizer.step()
        {call}
"""


def _found(folder: Path, files: dict[str, str]) -> list[tuple[str, int, str]]:
    (folder / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text))
    result = check_paths(folder, [Path(".")], LintConfig(root=folder), None, Effort())
    assert not result.problems
    return [(f.path, f.span.line, f.code) for f in result.findings]


def _train(call: str, *, imports: str = "", before: str = "pass") -> str:
    return STEP.format(call=call, imports=imports, before=before)


METER = """\
import torch

class Meter:
    def record_losses(self, losses):
        self.last = losses.item()

class Elsewhere:
    def later(self, losses):
        self.last = losses.item()
"""


@pytest.mark.parametrize(
    ("imports", "before", "call"),
    [
        ("from meters import Meter", "meter = Meter()", "meter.record_losses(loss)"),
        ("from build import make_meter", "meter = make_meter()", "meter.record_losses(loss)"),
        ("import registry", "meter = registry.get('meter')", "meter.record_losses(loss)"),
        ("from meters import Meter", "meters = {}; meters['a'] = Meter()",
         "meters[name].record_losses(loss)"),
    ],
    ids=["made here", "made by a function of another file", "only one class has it", "element"],
)  # fmt: skip
def test_the_method_of_an_object_is_followed(
    tmp_path: Path, imports: str, before: str, call: str
) -> None:
    found = _found(
        tmp_path,
        {
            "train.py": _train(call, imports=imports, before=before),
            "meters.py": METER,
            "build.py": "from meters import Meter\n\ndef make_meter():\n    return Meter()\n",
            "registry.py": "def get(name):\n    return MADE[name]\n",
        },
    )
    assert found == [("meters.py", 5, "PFL101")]


def test_a_name_that_two_classes_have_tells_nothing(tmp_path: Path) -> None:
    files = {
        "train.py": _train("unknown.record_losses(loss)"),
        "meters.py": METER,
        "others.py": "class Other:\n    def record_losses(self, losses):\n        pass\n"
        "import torch\n",
    }
    assert _found(tmp_path, files) == []


def test_a_name_that_containers_have_tells_nothing(tmp_path: Path) -> None:
    meter = METER.replace("record_losses", "update")
    files = {"train.py": _train("unknown.update(loss)"), "meters.py": meter}
    assert _found(tmp_path, files) == []


def test_an_inherited_method_of_another_file_is_followed(tmp_path: Path) -> None:
    base = (
        "import torch\n\nclass Base:\n    def note(self, loss):\n        self.last = loss.item()\n"
    )
    trainer = """\
        import torch
        from base import Base

        class Trainer(Base):
            def fit(self, loader):
                for x, y in loader:
                    loss = self.criterion(self.model(x.cuda()), y)
                    loss.backward()
                    self.optimizer.step()
                    self.note(loss)
    """
    assert _found(tmp_path, {"base.py": base, "trainer.py": trainer}) == [("base.py", 5, "PFL101")]


@pytest.mark.parametrize("call", ["logger.update(loss=loss)", "logger.update(**{'loss': loss})"])
def test_what_is_passed_by_any_name_is_known_where_it_is_asked_for(
    tmp_path: Path, call: str
) -> None:
    logger = """\
        import torch

        class Logger:
            def update(self, **values):
                for name, value in values.items():
                    if isinstance(value, torch.Tensor):
                        value = value.item()
                    self.last = value
    """
    train = _train(call, imports="from log import Logger", before="logger = Logger()")
    assert _found(tmp_path, {"log.py": logger, "train.py": train}) == [("log.py", 7, "PFL101")]


def test_all_callers_say_what_is_passed(tmp_path: Path) -> None:
    logger = """\
        import torch

        class Logger:
            def update(self, **values):
                for value in values.values():
                    if isinstance(value, torch.Tensor):
                        self.last = value.item()
    """
    twice = "logger.update(rate=0.1); logger.update(loss=loss)"
    once = "logger.update(rate=0.1)"
    imports, before = "from log import Logger", "logger = Logger()"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    files = {"log.py": logger, "train.py": _train(twice, imports=imports, before=before)}
    assert _found(tmp_path / "a", files) == [("log.py", 7, "PFL101")]
    files["train.py"] = _train(once, imports=imports, before=before)
    assert _found(tmp_path / "b", files) == []


def test_what_another_file_makes_of_device_tensors_may_be_read(tmp_path: Path) -> None:
    reduce = "def reduce_all(losses):\n    return exchange(losses)\n"
    train = _train(
        "print(reduce_all({'a': loss})['a'].mean().item())", imports="from dist import reduce_all"
    )
    assert _found(tmp_path, {"dist.py": reduce, "train.py": train}) == [("train.py", 10, "PFL101")]


def test_a_loader_in_a_file_without_a_device_counts_where_the_project_has_one(
    tmp_path: Path,
) -> None:
    data = """\
        from torch.utils.data import DataLoader

        def build_dataloader(dataset, shuffle):
            data_loader = DataLoader(dataset, batch_size=8, shuffle=shuffle, num_workers=4)
            return data_loader
    """
    (tmp_path / "gpu").mkdir()
    (tmp_path / "cpu").mkdir()
    train = _train("pass")
    assert _found(tmp_path / "gpu", {"data.py": data, "train.py": train}) == [
        ("data.py", 4, "PFL202")
    ]
    on_host = train.replace("x.cuda()", "x")
    assert _found(tmp_path / "cpu", {"data.py": data, "train.py": on_host}) == []


BASE = """\
import torch

class Base:
    def fit(self, loader):
        for x, y in loader:
            loss = self.compute(x.cuda(), y)
            loss.backward()
            self.optimizer.step()
            self.note(loss)

    def note(self, loss):
        pass
"""
MINE = """\
class Mine({base}):
    def compute(self, x, y):
        return self.criterion(self.model(x), y)

    def note(self, loss):
        self.last = loss.item()

    def rest(self, loss):
        self.last = loss.item()
"""


@pytest.mark.parametrize(
    ("imports", "base", "found"),
    [
        ("from base import Base", "Base", True),
        ("import base", "base.Base", True),
        ("from base import Base\n\nclass Middle(Base):\n    pass\n", "Middle", True),
        ("from other import Base", "Base", False),
        ("from base import Base", "object", False),
    ],
)
def test_what_a_base_class_calls_may_be_overridden_elsewhere(
    tmp_path: Path, imports: str, base: str, found: bool
) -> None:
    other = "class Base:\n    def fit(self):\n        self.note(3)\n"
    mine = f"import torch\n{imports}\n\n" + MINE.format(base=base)
    result = _found(tmp_path, {"base.py": BASE, "mine.py": mine, "other.py": other})
    line = mine.split("\n").index("        self.last = loss.item()") + 1
    assert result == ([("mine.py", line, "PFL101")] if found else [])


def test_what_a_base_class_calls_may_be_overridden_in_the_same_file(tmp_path: Path) -> None:
    both = BASE + "\n\n" + MINE.format(base="Base")
    line = both.split("\n").index("        self.last = loss.item()") + 1
    assert _found(tmp_path, {"both.py": both}) == [("both.py", line, "PFL101")]


def test_a_name_that_the_classes_of_one_file_share_tells_of_them(tmp_path: Path) -> None:
    meters = METER.replace("Elsewhere", "Other").replace("later", "record_losses")
    found = _found(tmp_path, {"train.py": _train("m.record_losses(loss)"), "meters.py": meters})
    assert found == [("meters.py", 5, "PFL101"), ("meters.py", 9, "PFL101")]


ENGINE = """\
import torch

def train(config, loader, model, optimizer):
    for x, y in loader:
        loss = model(x.cuda(), y.cuda()).mean()
        loss.backward()
        optimizer.step()
"""
MAIN = """\
import torch
from engine import train

def main(config, data, model, optimizer):
    loader = torch.utils.data.DataLoader(data, num_workers=3, pin_memory={pinned})
    for epoch in range(config.epochs):
        train(config, {given})
"""


@pytest.mark.parametrize(
    ("pinned", "given", "found"),
    [
        ("True", "loader, model, optimizer", True),
        ("device != 'cpu'", "loader, model, optimizer", True),
        ("True", "loader=loader, model=model, optimizer=optimizer", True),
        ("False", "loader, model, optimizer", False),
        ("config.pinned", "loader, model, optimizer", False),
        ("True", "data, model, optimizer", False),
    ],
)
def test_a_loader_is_followed_into_the_file_that_trains_with_it(
    tmp_path: Path, pinned: str, given: str, found: bool
) -> None:
    main = MAIN.format(pinned=pinned, given=given)
    result = _found(tmp_path, {"engine.py": ENGINE, "main.py": main})
    copies = [each for each in result if each[0] == "engine.py"]
    assert copies == ([("engine.py", 5, "PFL203")] * 2 if found else [])


def test_a_function_that_is_given_a_loader_is_not_for_that_in_every_step(tmp_path: Path) -> None:
    engine = "import torch\n\ndef train(config, loader, model, optimizer):\n"
    engine += "    scale = model(torch.ones(3).cuda())\n    print(scale.item())\n"
    main = MAIN.format(pinned="True", given="loader, model, optimizer")
    files = {"engine.py": engine, "main.py": main, "steps.py": _train("pass")}
    assert _found(tmp_path, files) == []
    call, imports = "run(3, loader, model, optimizer)", "from engine import train as run"
    files["steps.py"] = _train(call, imports=imports)
    assert ("engine.py", 5, "PFL101") in _found(tmp_path, files)


def test_a_loader_that_a_test_hands_over_tells_nothing(tmp_path: Path) -> None:
    main = MAIN.format(pinned="True", given="loader, model, optimizer")
    files = {"engine.py": ENGINE, "tests/test_engine.py": main}
    assert [each for each in _found(tmp_path, files) if each[0] == "engine.py"] == []


def test_of_two_stars_the_last_one_brings_a_name(tmp_path: Path) -> None:
    longest = "import torch\n\ndef longest(mask):\n    return mask.sum(1){}\n"
    files = {"paths.py": longest.format(".cpu()"), "ways.py": longest.format("")}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    stars = "from {} import *\nfrom {} import *"
    train = _train("longest(loss)", imports=stars.format("paths", "ways"))
    assert _found(tmp_path / "a", {**files, "train.py": train}) == []
    train = _train("longest(loss)", imports=stars.format("ways", "paths"))
    assert _found(tmp_path / "b", {**files, "train.py": train}) == [("paths.py", 4, "PFL104")]


def test_a_class_far_below_overrides_too(tmp_path: Path) -> None:
    names = ["Base", *(f"B{n}" for n in range(5))]
    pairs = zip(names[1:], names, strict=False)
    between = "".join(f"class {name}({base}):\n    pass\n\n" for name, base in pairs)
    both = BASE + "\n\n" + between + MINE.format(base="B4")
    line = both.split("\n").index("        self.last = loss.item()") + 1
    assert _found(tmp_path, {"both.py": both}) == [("both.py", line, "PFL101")]


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ("from paths import *", True),
        ("from others import *", False),
        ("from os.path import *", False),
    ],
)
def test_a_function_that_a_star_brings_is_followed(
    tmp_path: Path, imports: str, found: bool
) -> None:
    paths = "import torch\n\ndef longest(mask):\n    return mask.sum(1).cpu().numpy()\n"
    files = {"paths.py": paths, "others.py": "def shortest():\n    pass\n"}
    files["train.py"] = _train("longest(loss)", imports=imports)
    assert _found(tmp_path, files) == ([("paths.py", 4, "PFL104")] if found else [])


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("run = self.fast if x.shape[0] > 3 else self.slow\n        return run(x)", True),
        ("return sum(f(x) for f in [self.fast, self.slow])", True),
        ("self.register_forward_hook(self.fast)\n        return x", False),
        ("self.later = self.fast\n        return x", False),
        ("names = {'fast': self.fast}\n        return x", False),
        ("ways = {'fast': self.fast}\n        return ways[self.way](x)", True),
        ("return self.fast is None", False),
    ],
)
def test_methods_that_hot_code_names_are_run(tmp_path: Path, named: str, found: bool) -> None:
    net = f"""\
import torch

class Net(torch.nn.Module):
    def fast(self, x):
        return x[:, 0].cpu()

    def slow(self, x):
        return x

    def forward(self, x):
        {named}
"""
    files = {"net.py": net, "train.py": _train("pass")}
    assert _found(tmp_path, files) == ([("net.py", 5, "PFL104")] if found else [])


AUTOGRAD = """\
import torch

class Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad * grad[:, 0].item()
"""


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("\nscale = Scale.apply\n", True),
        ("\ndef scaled(x):\n    return Scale.apply(x)\n", True),
        ("", False),
        ("\n    def symbolic(g, x):\n        return x\n\nscale = Scale.apply\n", False),
    ],
    ids=["named", "applied", "unused", "for ONNX"],
)
def test_a_function_of_autograd_runs_where_it_is_applied(
    tmp_path: Path, more: str, found: bool
) -> None:
    files = {"scale.py": AUTOGRAD + more, "train.py": _train("pass")}
    assert _found(tmp_path, files) == ([("scale.py", 10, "PFL101")] if found else [])


def test_of_many_classes_that_override_a_method_none_is_told(tmp_path: Path) -> None:
    many = "import torch\nfrom base import Base\n\n"
    many += "\n".join(MINE.format(base="Base").replace("Mine", f"Mine{n}") for n in range(13))
    assert _found(tmp_path, {"base.py": BASE, "many.py": many}) == []
