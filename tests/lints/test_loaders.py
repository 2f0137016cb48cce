"""What is known of data loaders: which calls make them, how they are set up, what they feed."""

import ast
from textwrap import dedent

import pytest
from torch_perflint.lints.facts import Facts
from torch_perflint.lints.keywords import Absent

HEAD = "import torch\nfrom functools import partial\nfrom torch.utils.data import DataLoader\n"


def _facts(source: str) -> Facts:
    return Facts(HEAD + dedent(source), "train.py")


def _made(facts: Facts) -> list[ast.Call]:
    return [call for call in facts.syntax.calls if facts.loaders.is_loader(call)]


def _shown(value: ast.expr | Absent) -> str:
    return value.name if isinstance(value, Absent) else ast.unparse(value)


@pytest.mark.parametrize(
    ("call", "pinned"),
    [
        ("DataLoader(d)", False),
        ("DataLoader(d, pin_memory=False)", False),
        ("DataLoader(d, pin_memory=True)", True),
        ("DataLoader(d, pin_memory=torch.cuda.is_available())", True),
        ("DataLoader(d, pin_memory=device.type == 'cuda')", True),
        ("DataLoader(d, pin_memory=setting)", None),
        ("DataLoader(d, 1, True, None, None, 0, None, True)", True),
        ("DataLoader(*d)", None),
        ("DataLoader(d, **unknown)", None),
        ("DataLoader(d, **literal)", True),
        ("DataLoader(d, **changed)", False),
        ("DataLoader(d, **{**literal, **changed})", False),
        ("DataLoader(d, **{**changed, **literal})", True),
        ("DataLoader(d, **(changed | literal))", True),
        ("DataLoader(d, **sometimes)", True),
        ("DataLoader(d, **asked)", None),
        ("DataLoader(d, **lent)", None),
        ("DataLoader(d, **(literal if big else {}))", None),
        ("DataLoader(d, pin_memory=on)", True),
        ("DataLoader(d, pin_memory=off)", None),
    ],
)
def test_whether_a_loader_pins_its_memory(call: str, pinned: bool | None) -> None:
    facts = _facts(
        f"""
        literal = dict(pin_memory=True)
        changed = {{"pin_memory": True}}
        changed["x"] = 1
        changed.update({{"pin_memory": False}})
        sometimes = {{"num_workers": 1}}
        if use_cuda:
            sometimes.update({{"pin_memory": True}})
        asked = {{}}
        if args.pin:
            asked["pin_memory"] = True
        lent = {{}}
        fill(lent)
        on, off = True, False
        {call}
        """
    )
    [made] = _made(facts)
    assert facts.loaders.pinned(made) is pinned


@pytest.mark.parametrize(
    ("calls", "pinned"),
    [
        ("train_loader = make(d)", False),
        ("train_loader = make(d, shuffle=True, **{'drop_last': True})", False),
        ("train_loader = make(d, pin_memory=True)", True),
        ("train_loader = make(d)\nval_loader = make(d, pin_memory=True)", True),
        ("train_loader = make(d, **unknown)", None),
        ("", None),
    ],
)
def test_what_a_helper_passes_on_is_read_from_its_calls(calls: str, pinned: bool | None) -> None:
    facts = _facts(f"def make(d, **more):\n    return DataLoader(d, 8, **more)\n{calls}\n")
    [made] = _made(facts)
    assert facts.loaders.pinned(made) is pinned


def test_what_a_dictionary_is_given_after_its_use_does_not_count() -> None:
    facts = _facts("o = {}\nDataLoader(d, **o)\no['pin_memory'] = True\nDataLoader(e, **o)\n")
    assert [facts.loaders.pinned(made) for made in _made(facts)] == [False, True]


@pytest.mark.parametrize(
    ("source", "workers"),
    [
        ("Loader = DataLoader\nLoader(d, num_workers=3)", "3"),
        ("Loader = partial(DataLoader, num_workers=3)\nLoader(d)", "3"),
        ("Loader = partial(DataLoader, num_workers=3)\nLoader(d, num_workers=4)", "4"),
        ("partial(DataLoader, d)(num_workers=2)", "UNREADABLE"),
        ("class Mine(DataLoader):\n    pass\nMine(d, 8, True, None, None, 5)", "5"),
        ("class Mine(DataLoader):\n    def __init__(self, *a, **k):\n"
         "        super().__init__(*a, **k)\nMine(d)", "ABSENT"),
        ("class Mine(DataLoader):\n    def __init__(self, d, n):\n"
         "        super().__init__(d, num_workers=n)\nMine(d, 4)", "UNREADABLE"),
        ("from torch_geometric.loader import DataLoader as L\nL(d, 8, True, num_workers=6)", "6"),
        ("from monai.data import DataLoader as L\nL(d, 7)", "7"),
        ("from torchdata.stateful_dataloader import StatefulDataLoader as L\nL(d)", "ABSENT"),
    ],
)  # fmt: skip
def test_loaders_are_known_by_any_name(source: str, workers: str) -> None:
    facts = _facts(source)
    assert _shown(facts.loaders.option(_made(facts)[-1], "num_workers")) == workers


@pytest.mark.parametrize(
    "source",
    [
        "from paddle.io import DataLoader as L\nL(d)",
        "class DataLoader:\n    pass\nDataLoader(d)",
        "from fastai.data.load import DataLoader as L\nL(d)",
        "def DataLoader(d):\n    return d\nDataLoader(d)",
    ],
)
def test_other_classes_of_that_name_are_no_loaders(source: str) -> None:
    assert not _made(_facts(source))


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("a = DataLoader(d)\nfor x in a:", [1]),
        ("a, b = DataLoader(d), DataLoader(e)\nfor x in b:", [1]),
        ("a = {x: DataLoader(ds[x]) for x in two}\nfor x in a[phase]:", [1]),
        ("a = {'train': DataLoader(d),\n'val': DataLoader(e)}\nfor x in a['train']:", [1]),
        ("a = {}\na[name] = DataLoader(d)\nfor x in a[other]:", [2]),
        ("def make():\n    return DataLoader(d), DataLoader(e)\na, b = make()\nfor x in b:", [2]),
        ("def make(n):\n    return {n: DataLoader(d)}\nfor x in make(3)[phase]:", [2]),
        ("a = accelerator.prepare(DataLoader(d))\nfor x in a:", [1]),
        ("m, a = accelerator.prepare(model, DataLoader(d))\nfor x in a:", [1]),
        ("a = DataLoader(d)\nfor x in tqdm(enumerate(a), total=9):", [1]),
        ("a = DataLoader(d)\nwith tqdm(enumerate(a)) as t:\n  for x in t:", [1]),
        ("a = DataLoader(d)\nwith opened(a) as t:\n  for x in t:", []),
        ("a = iter(cycle(DataLoader(d)))\nfor n in range(9):\n    x = next(a)", [1]),
        ("for n, x in enumerate(zip(DataLoader(d), other)):", [1]),
        ("for a in [DataLoader(d)]:\n  for x in a:", [1]),
        ("def run(a):\n  for x in a:\n    loss.backward()\nrun(DataLoader(d))\nfor x in y:", [4]),
        ("a = DataLoader(d)\na = other\nfor x in a:", []),
        ("a = make()\nb = DataLoader(d)\nfor x in a:", []),
    ],
)
def test_the_loader_of_a_training_loop_is_found(source: str, lines: list[int]) -> None:
    body = "    loss.backward()\n    optimizer.step()\n"
    indent = "  " if "\n  for" in source and "def run" not in source else ""
    body = indent + body.replace("\n    ", f"\n{indent}    ")
    facts = Facts(f"{HEAD}{source}\n{body}", "train.py")
    found = {m.lineno - 3 for m in _made(facts) if facts.loaders.in_training(m)}
    assert sorted(found) == lines


@pytest.mark.parametrize(
    ("source", "training"),
    [
        ("train_loader = DataLoader(d)", True),
        ("loaders = {'train': DataLoader(d)}", True),
        ("loaders = {'val': DataLoader(d)}", False),
        ("loader = DataLoader(d)", False),
        ("loader = DataLoader(d)\ntrain_one_epoch(model, loader)", True),
        ("loader = DataLoader(d)\nevaluate(model, loader)", False),
        ("def get_train_loader():\n    loader = DataLoader(d)\n    return loader", True),
        ("def get_test_loader():\n    return DataLoader(d)", False),
        ("trainer.fit(model, DataLoader(d))\nfit(train_dataloaders=DataLoader(e))", True),
        ("train_set.val_loader = DataLoader(d)", False),
    ],
)
def test_what_loaders_are_called_tells_what_they_feed(source: str, training: bool) -> None:
    facts = _facts(source)
    assert facts.loaders.in_training(_made(facts)[-1]) is training


@pytest.mark.parametrize(
    ("dataset", "in_memory"),
    [
        ("train_set", False),
        ("ImageFolder(path)", False),
        ("torch.utils.data.TensorDataset(x, y)", True),
        ("range(9)", True),
        ("train_idx", True),
        ("split['train_nid']", False),
        ("either", True),
        ("tried", False),
        ("StreamingDataset(path)", True),
        ("RandomTokenDataset(9)", True),
        ("[1, 2]", True),
    ],
)
def test_data_in_memory_needs_no_workers(dataset: str, in_memory: bool) -> None:
    facts = _facts(
        f"""
        from elsewhere import ImageFolder, RandomTokenDataset, StreamingDataset
        if rank == 0:
            either = ImageFolder(path)
        else:
            either = torch.utils.data.TensorDataset(x)
        if trial:
            tried = RandomTokenDataset(9)
        else:
            tried = ImageFolder(path)
        DataLoader({dataset})
        """
    )
    [made] = _made(facts)
    assert facts.loaders.needs_no_workers(made) is in_memory


@pytest.mark.parametrize(
    ("use", "feeds"),
    [
        ("for x in loader:\n    model(x.cuda())", "an evaluation"),
        ("for x in loader:\n    model.parse(x)\n    model(x)", "an evaluation"),
        ("for x in loader:\n    print(x)", None),
        ("evaluate(model, loader)", "an evaluation"),
        ("print(loader)", None),
        ("x = next(iter(loader))\nmodel(x.cuda())", None),
    ],
)
def test_an_evaluation_loader_counts_where_its_batches_reach_the_device(
    use: str, feeds: str | None
) -> None:
    head = "train_loader = DataLoader(d)\nloader = DataLoader(e)\n"
    facts = _facts(head + use)
    assert facts.loaders.uses.feeds(_made(facts)[-1]) == feeds


def test_a_loader_in_a_file_that_trains_nothing_is_no_evaluation_loader() -> None:
    facts = _facts("loader = DataLoader(e)\nfor x in loader:\n    model(x.cuda())")
    assert facts.loaders.uses.feeds(_made(facts)[-1]) is None
