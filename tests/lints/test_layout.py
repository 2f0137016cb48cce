"""Fixes keep the layout of the code around them: indentation, lines of their own, comments."""

from textwrap import dedent, indent

import pytest
from torch_perflint.lints.engine import apply_fixes, check_source
from torch_perflint.lints.registry import all_rules

IN_A_METHOD = '''
import torch
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        """On a GPU: cuda."""
{code}
        return x
'''
IN_A_STEP = """
import torch
from torch.utils.data import DataLoader

loader = DataLoader(dataset, pin_memory=True)
for x, y in loader:
    try:
{code}
        model(x).mean().backward()
    finally:
        optimizer.step()
        optimizer.zero_grad()
"""
LOADER = """
import torch
from torch.utils.data import DataLoader


def main():
    if args.train:
{code}
        for x, y in loader:
            model(x.cuda(non_blocking=True)).mean().backward()
            optimizer.step()
"""
DEPTH = {IN_A_METHOD: 8, IN_A_STEP: 8, LOADER: 8}


def _fixed(rule: str, around: str, code: str) -> str:
    """Return what the fixes of a rule make of indented code."""
    rules = [each for each in all_rules() if each.name() == rule]
    before, after = around.split("{code}")
    whole = before + indent(dedent(code).strip("\n"), " " * DEPTH[around]) + after
    fixed = apply_fixes(whole, check_source(whole, "train.py", rules))
    assert fixed.startswith(before) and fixed.endswith(after)
    assert not any(line.endswith(" ") for line in fixed.split("\n"))
    return dedent(fixed.removeprefix(before).removesuffix(after))


MOVED = (
    (
        """
        y = torch.ones(
            3
        ).to(x.device)
        """,
        """
        y = torch.ones(
            3,
            device=x.device
        )
        """,
    ),
    (
        """
        y = torch.zeros(
            3,
            dtype=torch.long,
        ).cuda()
        """,
        """
        y = torch.zeros(
            3,
            dtype=torch.long,
            device="cuda",
        )
        """,
    ),
    (
        """
        y = torch.zeros(3, 4,
                        dtype=torch.long).cuda()
        """,
        """
        y = torch.zeros(3, 4,
                        dtype=torch.long,
                        device="cuda")
        """,
    ),
    (
        """
        y = (torch.zeros(3)
             .float()
             .to(x.device))
        """,
        """
        y = (torch.zeros(3, device=x.device)
             .float())
        """,
    ),
    (
        """
        y = (
            torch.zeros(3)
            .float()  # as the model is
        ).to(x.device)
        """,
        """
        y = (
            torch.zeros(3, device=x.device)
            .float()  # as the model is
        )
        """,
    ),
    (
        """
        y = torch.tensor([
            [1.0, 2.0],
            [3.0, 4.0],
        ]).to(
            x.device,
            torch.half,
        )
        """,
        """
        y = torch.tensor([
            [1.0, 2.0],
            [3.0, 4.0],
        ], device=x.device).to(
            torch.half,
        )
        """,
    ),
    (
        """
        if x.sum() and y.equal(torch.ones(
                3  # of them
        ).to(x.device)):
            pass
        elif y.equal(torch.ones(
                4
        ).to(x.device)):
            pass
        """,
        """
        if x.sum() and y.equal(torch.ones(
                3,  # of them
                device=x.device
        )):
            pass
        elif y.equal(torch.ones(
                4,
                device=x.device
        )):
            pass
        """,
    ),
)


@pytest.mark.parametrize(("code", "fixed"), MOVED)
def test_a_factory_gets_its_device_where_its_last_argument_is(code: str, fixed: str) -> None:
    assert _fixed("create-then-move", IN_A_METHOD, code) == dedent(fixed).strip("\n")


LOADERS = (
    (  # as black lays it out
        """
        loader = DataLoader(
            dataset,
            batch_size=args.batch_size,
            shuffle=True,
            num_workers=4,
        )
        """,
        """
        loader = DataLoader(
            dataset,
            batch_size=args.batch_size,
            shuffle=True,
            num_workers=4,
            pin_memory=torch.cuda.is_available(),
        )
        """,
    ),
    (
        """
        loader = DataLoader(
            dataset, batch_size=8, shuffle=True
        )
        """,
        """
        loader = DataLoader(
            dataset, batch_size=8, shuffle=True, pin_memory=torch.cuda.is_available()
        )
        """,
    ),
    (
        """
        loader = DataLoader(
            dataset,  # all of it

            # as in the paper
            batch_size=8,  # in each process
            # drop_last=True,
        )  # shuffled already
        """,
        """
        loader = DataLoader(
            dataset,  # all of it

            # as in the paper
            batch_size=8,  # in each process
            # drop_last=True,
            pin_memory=torch.cuda.is_available(),
        )  # shuffled already
        """,
    ),
    (
        """
        loader = DataLoader(
            dataset, batch_size=8,  # in each process
        )
        """,
        """
        loader = DataLoader(
            dataset, batch_size=8, pin_memory=torch.cuda.is_available(),  # in each process
        )
        """,
    ),
    (
        """
        loader = DataLoader(dataset,
                            batch_size=8,
                            collate_fn=lambda batch: stacked(
                                batch,
                            ))
        """,
        """
        loader = DataLoader(dataset,
                            batch_size=8,
                            collate_fn=lambda batch: stacked(
                                batch,
                            ),
                            pin_memory=torch.cuda.is_available())
        """,
    ),
    (
        """
        loader = DataLoader(item for item in items)
        """,
        """
        loader = DataLoader((item for item in items), pin_memory=torch.cuda.is_available())
        """,
    ),
    (
        """
        loader = DataLoader(
            dataset,
            pin_memory=False,
            drop_last=True,
        )
        """,
        """
        loader = DataLoader(
            dataset,
            pin_memory=torch.cuda.is_available(),
            drop_last=True,
        )
        """,
    ),
)


@pytest.mark.parametrize(("code", "fixed"), LOADERS)
def test_a_loader_gets_its_option_where_its_last_one_is(code: str, fixed: str) -> None:
    assert _fixed("dataloader-unpinned", LOADER, code) == dedent(fixed).strip("\n")


OTHERS = (
    (
        "blocking-h2d",
        IN_A_STEP,
        """
        x = x.to(
            device,
        )
        y = y.cuda(
        )
        """,
        """
        x = x.to(
            device,
            non_blocking=True,
        )
        y = y.cuda(non_blocking=True)
        """,
    ),
    (
        "prefetch-factor-no-workers",
        LOADER,
        """
        loader = DataLoader(
            dataset,
            pin_memory=True,
            prefetch_factor=4,
        )
        """,
        """
        loader = DataLoader(
            dataset,
            pin_memory=True,
        )
        """,
    ),
    (
        "prefetch-factor-no-workers",
        LOADER,
        """
        loader = DataLoader(dataset,
                            persistent_workers=True,
                            pin_memory=True)
        """,
        """
        loader = DataLoader(dataset,
                            pin_memory=True)
        """,
    ),
    (
        "scalar-to-device-tensor",
        IN_A_STEP,
        """
        x = x * torch.tensor(
            0.5,
            device="cuda",
        )
        x = x * torch.tensor(0.5,
                             device="cuda")
        x = x * torch.tensor(
            0.5, device="cuda"
        )
        """,
        """
        x = x * torch.full(
            (),
            0.5,
            device="cuda",
        )
        x = x * torch.full((), 0.5,
                             device="cuda")
        x = x * torch.full(
            (), 0.5, device="cuda"
        )
        """,
    ),
    (
        "legacy-amp",
        IN_A_STEP,
        """
        with torch.cuda.amp.autocast(
            enabled=args.amp,
        ):
            x = model(x)
        with torch.cuda.amp.autocast(
        ):
            x = model(x)
        """,
        """
        with torch.amp.autocast(
            "cuda",
            enabled=args.amp,
            dtype=torch.float16,
        ):
            x = model(x)
        with torch.amp.autocast("cuda", dtype=torch.float16):
            x = model(x)
        """,
    ),
    (
        "optimizer-foreach-false",
        IN_A_STEP,
        """
        optimizer = torch.optim.SGD(
            parameters,
            lr=0.1,  # as in the paper
            foreach=False,  # for the old GPU
        )
        other = torch.optim.SGD(parameters,  # of both
                                foreach=False)
        """,
        """
        optimizer = torch.optim.SGD(
            parameters,
            lr=0.1,  # as in the paper
        )
        other = torch.optim.SGD(parameters  # of both
                                )
        """,
    ),
)


@pytest.mark.parametrize(("rule", "around", "code", "fixed"), OTHERS)
def test_other_arguments_come_and_go_in_their_layout(
    rule: str, around: str, code: str, fixed: str
) -> None:
    assert _fixed(rule, around, code) == dedent(fixed).strip("\n")
