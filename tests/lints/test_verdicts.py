"""The cases that naive linters get wrong: each stands beside one that must be flagged."""

from textwrap import dedent, indent

import pytest
from torch_perflint.lints.engine import check_source
from torch_perflint.lints.registry import all_rules

# What is only run for those who ask for it by name is a matter of taste, not a verdict.
RULES = [rule for rule in all_rules() if not rule.opt_in]

LOOP = """\
import logging
import math
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
def train(model, loader, optimizer, criterion, args):
    for epoch in range(args.epochs):
        for step, (x, y) in enumerate(loader):
            x = x.to(args.device, non_blocking=True)
            out = model(x)
            loss = criterion(out, y)
            loss.backward()
            optimizer.step()
{step}
{epoch}
"""


def _codes(*, step: str = "pass", epoch: str = "pass") -> list[str]:
    source = LOOP.format(step=indent(dedent(step), " " * 12), epoch=indent(dedent(epoch), " " * 8))
    return [finding.code for finding in check_source(source, "train.py", RULES)]


SILENT_STEPS = {
    "every N steps": "if step % 50 == 0:\n    print(loss.item())",
    "every N steps, by a setting": "if (step + 1) % args.log_every == 0: log(loss.item())",
    "every N steps, by not": "if not step % 10:\n    log(float(loss))",
    "every N steps, from a name": "now = step % 10 == 0\nif now:\n    log(loss.item())",
    "every N steps, in an attribute": "if args.step % args.logging_steps == 0: log(loss.item())",
    "every N steps, and more": "if args.log and step % 10 == 0:\n    log(loss.item())",
    "every N steps, as expression": "shown = loss.item() if step % 10 == 0 else None",
    "every N steps, short-circuited": "step % 10 == 0 and log(loss.item())",
    "the other steps skipped": "if step % 10 != 0:\n    continue\nlog(loss.item())",
    "every N steps, or the first": "if step % 9 == 0 or step == 0:\n    log(loss.item())",
    "every N steps, or the last": "if epoch == args.epochs or step % n == 0:\n    log(loss.item())",
    "every N steps, or the end": "if rank == 0 and (done or step % n == 0):\n    log(loss.item())",
    "a counter that starts over": "n += 1\nif n >= 100:\n    log(loss.item())\n    n = 0",
    "steps since": "if step - last >= 100:\n    log(loss.item())\n    last = step",
    "the message of an assert": "assert x.shape, f'{loss}'",
    "should_log": "if should_log(step):\n    log(loss.item())",
    "the first step": "if step == 0:\n    log(loss.item())",
    "some steps": "if step in (1, 10, 100):\n    log(loss.item())",
    "the last step": "if step == len(loader) - 1:\n    log(loss.item())",
    "time": "if time.time() - then > 10:\n    log(loss.item())",
    "debugging": "if args.debug:\n    log(loss.item())",
    "an error": "if bad(x):\n    raise ValueError(loss.item())",
    "an except": "try:\n    run()\nexcept ValueError:\n    log(loss.item())",
    "the end": "if done(step):\n    log(loss.item())\n    break",
    "numpy": "value = np.mean(x).item()",
    "items": "for key, value in args.items():\n    log(key)",
    "an attribute called item": "log(args.item)",
    "a setting called item": "log(args.item())",
    "a copy on the host": "host = loss.detach().cpu() if step % 9 == 0 else None\nlog(host.item())",
    "shapes": "n = int(x.shape[0]) + float(x.size(0)) + float(len(x)) + float(x.numel())",
    "None": "if x is None or y is not None:\n    pass",
    "length": "if len(y):\n    pass\nif x.shape[0]:\n    pass",
    "requires_grad": "if loss.requires_grad:\n    pass",
    "a detached sum": "args.total += loss.detach()",
    "reset in the step": "total = 0\ntotal += loss",
    "a list that is emptied": "args.kept.append(loss)\nif full(args.kept):\n    args.kept.clear()",
    "a mask set to a number": "x[x > 3] = 0",
    "a user's own object": "args.thing.to('x')\nargs.thing.cpu()",
    "a batch on the host": "log(y.item())",
    "a checkpoint": "if step % 500 == 0:\n    torch.save({'loss': loss.cpu()}, path)",
    "the scheduler": "if scheduler.step():\n    pass",
    "evaluation": "if step % 500 == 0:\n    evaluate(model)",
    "a timed synchronize": "if args.profile:\n    torch.cuda.synchronize()",
    "a wait of the stream": "event.wait()\nstream.wait_stream(other)",
}


@pytest.mark.parametrize("code", SILENT_STEPS.values(), ids=SILENT_STEPS)
def test_this_in_a_step_is_fine(code: str) -> None:
    assert _codes(step=code) == []


FLAGGED_STEPS = {
    "every step": ("log(loss.item())", ["PFL101"]),
    "a limit that nothing resets": ("if n >= 100:\n    log(loss.item())", ["PFL101"]),
    "a loss in a text": ("print(f'{loss.item()} {float(out.mean())}')", ["PFL101", "PFL102"]),
    "a number for a bar": ("bar.set_postfix(loss=loss.item())", ["PFL101"]),
    "a tensor for a bar": ("bar.set_postfix(loss=loss)", ["PFL107"]),
    "a text for a bar": ("bar.set_description(f'{loss:.3f}')", ["PFL107"]),
    "a number as text for a bar": ("bar.set_description('%.3f' % loss)", ["PFL107"]),
    "a text for a log": ("logging.info(f'{loss}')", ["PFL106"]),
    "a tensor for a tracker": ("writer.add_scalar('loss', loss, step)", ["PFL108"]),
    "a number for a tracker": ("writer.add_scalar('loss', loss.item(), step)", ["PFL101"]),
    "a text for a tracker": ("writer.add_text('loss', f'{loss}')", ["PFL105"]),
    "a comparison of a number": ("if loss.item() > 3:\n    pass", ["PFL101"]),
    "a check of a cast": ("if math.isnan(float(loss)):\n    pass", ["PFL102"]),
    "what is shown of a failure": (
        "if torch.isnan(loss).any():\n    log(loss.item())",
        ["PFL117"],
    ),
    "a check by math": ("if math.isnan(loss):\n    pass", ["PFL117"]),
    "every step, said oddly": ("if step % 1 == 0:\n    log(loss.item())", ["PFL101"]),
    "all but every tenth": ("if step % 10 != 0:\n    log(loss.item())", ["PFL101"]),
    "the else of every tenth": (
        "if step % 9 == 0: pass\nelse: f(loss.item())",
        ["PFL101"],
    ),
    "one rank": ("if args.rank == 0:\n    log(loss.item())", ["PFL101"]),
    "the main process": ("if is_main_process():\n    log(loss.item())", ["PFL101"]),
    "a setting": ("if args.wandb:\n    log(loss.item())", ["PFL101"]),
    "text, not a remainder": ("if '%d' % step == '3':\n    log(loss.item())", ["PFL101"]),
    "each of several": ("log([v.item() for v in (loss, out.mean())])", ["PFL101"]),
    "float": ("seen += float(loss)", ["PFL102"]),
    "a question": ("if torch.isnan(loss):\n    raise ValueError", ["PFL117"]),
    "a copy": ("keep(out.detach().cpu())", ["PFL104"]),
    "synchronize": ("torch.cuda.synchronize()", ["PFL115"]),
    "a sum": ("args.total += loss", ["PFL601"]),
    "the only copy is flagged": ("log(loss.cpu().item())", ["PFL104"]),
}


@pytest.mark.parametrize(("code", "codes"), FLAGGED_STEPS.values(), ids=FLAGGED_STEPS)
def test_this_in_a_step_is_flagged(code: str, codes: list[str]) -> None:
    assert _codes(step=code) == codes


def test_once_per_epoch_is_fine() -> None:
    assert _codes(epoch="log(loss.item())\ntorch.cuda.synchronize()\nlog(out.cpu())") == []


@pytest.mark.parametrize("name", ["evaluate", "validation_step", "predict", "test_epoch"])
def test_evaluation_is_fine(name: str) -> None:
    source = f"import torch\n@torch.no_grad()\ndef {name}(model, loader):\n    for x in loader:\n"
    source += "        f(model(x).cpu().numpy(), model(x).sum().item())\n"
    assert check_source(source, "eval.py", RULES) == []


def test_a_loop_without_gradients_within_the_epoch_is_fine() -> None:
    code = "with torch.no_grad():\n    for x in held_out:\n        keep(model(x).cpu().numpy())"
    assert _codes(step=code, epoch=code) == []


LOADERS = {
    "from keywords": ("DataLoader(data, **options)", []),
    "a value from elsewhere": ("DataLoader(data, num_workers=w, pin_memory=p)", []),
    "when there is a GPU": (
        "DataLoader(data, num_workers=2, pin_memory=torch.cuda.is_available())",
        [],
    ),
    "by position": ("DataLoader(data, 8, True, None, None, 4, None, True)", []),
    "in memory": ("DataLoader(TensorDataset(x), pin_memory=True)", []),
    "persistent": (
        "DataLoader(data, num_workers=w, persistent_workers=w > 0, pin_memory=p)",
        [],
    ),
    "nothing set": ("DataLoader(data)", ["PFL201", "PFL202"]),
    "no workers": ("DataLoader(data, num_workers=0, pin_memory=True)", ["PFL201"]),
    "not pinned": ("DataLoader(data, num_workers=4)", ["PFL202"]),
}


@pytest.mark.parametrize(("code", "codes"), LOADERS.values(), ids=LOADERS)
def test_loaders(code: str, codes: list[str]) -> None:
    source = "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n"
    source += f"def main(model, data):\n    train_loader = {code}\n    model.cuda()\n"
    assert [f.code for f in check_source(source, "train.py", RULES)] == codes


@pytest.mark.parametrize(
    ("pinned", "severity", "fixable"), [("True", "warning", True), ("False", "info", False)]
)
def test_a_blocking_copy_matters_where_the_loader_pins(
    pinned: str, severity: str, fixable: bool
) -> None:
    source = f"""
    import torch
    from torch.utils.data import DataLoader
    def main(model, data, optimizer):
        for x in DataLoader(data, num_workers=2, pin_memory={pinned}):
            model(x.cuda()).sum().backward()
            optimizer.step()
    """
    findings = check_source(dedent(source), "train.py", RULES)
    [copy] = [finding for finding in findings if finding.code == "PFL203"]
    assert (copy.severity.value, bool(copy.fix)) == (severity, fixable)


def test_loaders_of_a_project_without_a_gpu_are_fine() -> None:
    source = (
        "import torch\nfrom torch.utils.data import DataLoader\ntrain_loader = DataLoader(data)\n"
    )
    assert check_source(source, "train.py", RULES) == []


def test_tests_and_benchmarks_may_wait() -> None:
    source = LOOP.format(step=" " * 12 + "torch.cuda.synchronize()", epoch="")
    for path in ("tests/test_speed.py", "benchmarks/loop.py", "speed_test.py"):
        assert check_source(source, path, RULES) == []
    assert len(check_source(source, "latest/attest.py", RULES)) == 1


def test_backpropagation_through_time_keeps_its_graph() -> None:
    source = """
    import torch
    def train(model, loader, optimizer, criterion):
        for x, y in loader:
            total = 0
            for t in range(9):
                total += criterion(model(x[t]), y[t])
            total.backward()
            optimizer.step()
    """
    assert check_source(dedent(source), "train.py", RULES) == []


@pytest.mark.parametrize("use", ["kept[0]", "kept[i]", "sum(kept)", "torch.stack(kept).mean()"])
def test_a_list_whose_parts_are_trained_on_keeps_its_graphs(use: str) -> None:
    source = f"""
    import torch
    def train(model, loader, optimizer, criterion):
        kept = []
        for x, y in loader:
            loss = criterion(model(x), y)
            kept.append(loss)
            if len(kept) == 4:
                both = {use}
                both.backward()
                optimizer.step()
    """
    assert check_source(dedent(source), "train.py", RULES) == []


def test_lightning_logs_tensors_by_itself() -> None:
    source = """
    import torch
    import lightning as L
    class Lit(L.LightningModule):
        def training_step(self, batch, batch_idx):
            loss = self(batch).mean()
            self.log("loss", loss)
            self.log("loss", loss.item())  # <-
            return loss
        def validation_step(self, batch, batch_idx):
            self.log("loss", self(batch).mean().item())
    """
    lines = [finding.span.line for finding in check_source(dedent(source), "t.py", RULES)]
    assert lines == [8]


def test_an_environments_steps_are_no_training_steps() -> None:
    source = """
    import torch
    def rollout(env, policy):
        while not env.done:
            action = policy(env.state).argmax().item()
            env.step(action)
    """
    assert check_source(dedent(source), "rl.py", RULES) == []


def test_a_script_that_rewrites_its_own_settings_is_given_the_benefit_of_the_doubt() -> None:
    loop = """
log_interval = 1
{rewrite}
for step in range(10):
    loss = model(x)
    loss.backward()
    optimizer.step()
    if step % log_interval == 0:
        print(loss.item())
"""

    def found(rewrite: str) -> int:
        source = "import torch" + loop.format(rewrite=rewrite)
        return len(check_source(source, "train.py", RULES))

    assert found("") == 1
    assert found("exec(open('options.py').read())") == 0
    assert found("globals().update(options)") == 0


PROGRAM = """\
import torch
from torch import nn
class Net(nn.Module):
    def forward(self, x):
        return x
net = Net()
{device}
optimizer = torch.optim.SGD(net.parameters(), lr=1)
for x in data:
    loss = net(x).mean()
    loss.backward()
    optimizer.step()
    print(loss.item())
"""


@pytest.mark.parametrize(
    ("device", "waits"),
    [
        ("", False),
        ("device = torch.device('cpu')", False),
        ("net = net.to(device)", True),
        ("net = net.cuda()", True),
        ("# inputs of a CPU", False),
    ],
)
def test_a_whole_program_that_names_no_accelerator_trains_on_the_cpu(
    device: str, waits: bool
) -> None:
    source = PROGRAM.format(device=device)
    codes = [f.code for f in check_source(source, "train.py", all_rules())]
    assert ("PFL101" in codes) is waits


def test_what_is_made_of_inputs_of_a_forward_is_only_mentioned_where_its_use_alone_tells() -> None:
    source = """
    import torch
    from torch import nn
    class Net(nn.Module):
        def forward(self, x, label):
            return x.sum().item(), label.item(), unheard_of(x).item()
    for x in loader:
        model(x).mean().backward()
        optimizer.step()
    """
    found = check_source(dedent(source), "train.py", all_rules())
    severities = [f.severity.value for f in found if f.code == "PFL101"]
    assert severities == ["warning", "warning", "info"]
