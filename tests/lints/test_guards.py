"""Which conditions keep code from running in every step, and which only seem to."""

import ast
from pathlib import Path
from textwrap import dedent, indent

import pytest
from torch_perflint.lints.check import check_paths
from torch_perflint.lints.config import LintConfig
from torch_perflint.lints.facts import Facts
from torch_perflint.lints.work import Effort

HEADER = """\
import os
import time
import datetime
import torch
import speechbrain as sb
from time import perf_counter
from speechbrain import Stage
"""
STEP = "loss.backward()\noptimizer.step()\n"


def _hot(source: str) -> bool:
    facts = Facts(HEADER + dedent(source), "train.py")
    here = [n for n in ast.walk(facts.syntax.tree) if isinstance(n, ast.Name) and n.id == "HERE"]
    assert len(here) == 1
    return facts.regions.hot(here[0]) is not None


def _loop(body: str, before: str = "") -> str:
    return f"{before}for step, x in enumerate(loader):\n{indent(STEP + body, '    ')}\n"


SELDOM = {
    "an old version by its name": "not _is_torch_greater_or_equal_than_2_6",
    "a flag for inference": "offload_inference",
    "a task that nobody trains for": "self.task == 'zero_shot_forecast'",
    "a level of debugging": "opt.debug > 0",
    "the way back of a flow": "inverse",
    "a small chance": "random.random() < 0.01",
    "a variable of the environment": "os.environ.get('DUMP')",
    "a variable of the environment that is there": "os.environ.get('DUMP') is not None",
    "a variable of the environment by its value": "os.getenv('DUMP', '0') == '1'",
    "a number in the environment": "int(os.environ.get('DUMP', 0))",
    "a name in the environment": "'DUMP' in os.environ",
    "every n-th step": "step % 10 == 0",
    "every n-th step of an option": "self.state.global_step % self.args.logging_steps == 0",
    "every n-th batch of Lightning": "batch_idx % self.trainer.log_every_n_steps == 0",
    "the last batch of Lightning": "self.trainer.is_last_batch",
    "what the control of transformers says": "control.should_log",
    "the rest of a division": "divmod(step, 10)[1] == 0",
    "a mask of bits": "step & 127 == 0",
    "no bit of a mask": "not step & 127",
    "a mask made of a number": "step & (every - 1) == 0",
    "a walrus": "(hit := step % 10 == 0) and hit",
    "a walrus around the rest": "not (rest := step % 10)",
    "a cast": "bool(step % 10 == 0)",
    "a choice that ends in no": "step % 10 == 0 if args.log else False",
    "a name that asks": "_should_log",
    "an attribute that asks": "self._should_log",
    "a name that announces": "will_log",
    "a name that does": "do_log",
    "a name with a word between": "should_write_log",
    "a hook's own question": "self.every_n_train_iters(runner, self.interval)",
    "a hook's question by inner iterations": "self.every_n_iters(runner, 50)",
    "the end of an epoch": "self.end_of_epoch(runner.dataloader, batch_idx)",
    "a stage that is not training": "stage != sb.Stage.TRAIN",
    "a stage of evaluation": "stage == Stage.VALID",
    "a phase by its word": "phase == 'val'",
    "a mode that is not training": "self.mode != 'train'",
    "a clock in the condition": "time.time() - last > 30",
    "a clock on the right": "last + 30 < time.time()",
    "another device by its mode": "mode == 'cpu'",
    "a date": "datetime.datetime.now() - last > minute",
}
OFTEN = {
    "a chance": "random.random() < 0.5",
    "a new version by its name": "is_torch_greater_or_equal_than_2_6",
    "a variable that launchers set": "'LOCAL_RANK' in os.environ",
    "the number of processes in the environment": "os.environ.get('WORLD_SIZE') is not None",
    "a variable of the environment that is on by default": "os.environ.get('FAST', '1') == '1'",
    "a variable of the environment that is off": "os.environ.get('FAST', '0') == '0'",
    "each step": "step % 1 == 0",
    "another division's quotient": "divmod(step, 10)[0] == 0",
    "masks of tensors": "(mask & other).any()",
    "the rank": "rank == 0",
    "the main process": "is_main_process()",
    "the end of an accumulation": "accelerator.sync_gradients",
    "an option": "args.every_n_steps",
    "a hook that asks of each step": "self.every_n_train_iters(runner, 1)",
    "the stage of training": "stage == Stage.TRAIN",
    "a phase of training": "phase == 'train'",
    "another comparison of a mode": "mode == 'fast'",
    "a name that only sounds like a log": "do_logits",
    "a name about vision": "do_vision_loss",
}


@pytest.mark.parametrize("test", SELDOM.values(), ids=SELDOM)
def test_a_rare_condition_is_a_guard(test: str) -> None:
    assert not _hot(_loop(f"if {test}:\n    HERE"))
    assert not _hot(_loop(f"y = [HERE for part in parts if ({test})]"))


@pytest.mark.parametrize("test", OFTEN.values(), ids=OFTEN)
def test_what_may_hold_in_every_step_is_no_guard(test: str) -> None:
    assert _hot(_loop(f"if {test}:\n    HERE"))
    assert _hot(_loop(f"y = [HERE for part in parts if ({test})]"))


def test_the_other_branch_of_a_stage_is_the_other_stage() -> None:
    assert not _hot(_loop("if stage == Stage.TRAIN:\n    pass\nelse:\n    HERE"))
    assert _hot(_loop("if stage == Stage.VALID:\n    pass\nelse:\n    HERE"))
    assert not _hot(_loop("if phase != 'val':\n    pass\nelse:\n    HERE"))


def test_a_filter_guards_what_it_filters_and_not_where_from() -> None:
    assert not _hot(_loop("y = {k: HERE for k in parts if step % 10 == 0}"))
    assert _hot(_loop("y = [k for k in HERE if step % 10 == 0]"))


@pytest.mark.parametrize(
    "body",
    [
        "now = time.time()\nif now - last > 30:\n    last = now\n    HERE",
        "elapsed = time.time() - t0\nif elapsed > 30:\n    HERE",
        "minutes = (time.time() - t0) / 60\nif minutes >= args.every:\n    HERE",
        "now = perf_counter()\nif now > due:\n    HERE",
        "now = time.time()\nif now - last < 30:\n    continue\nHERE",
        "t1 = time.time()\nelapsed = t1 - t0\nif elapsed > limit:\n    HERE",
    ],
)
def test_a_clock_is_followed_through_names(body: str) -> None:
    assert not _hot(_loop(body))


@pytest.mark.parametrize(
    "body",
    [
        "now = length(x)\nif now - last > 30:\n    HERE",
        "start = time.time()\nif start > 0:\n    HERE",
        "elapsed = time.time() - t0\nelapsed = loss\nif elapsed > 30:\n    HERE",
    ],
)
def test_what_is_no_time_that_has_passed_is_no_guard(body: str) -> None:
    assert _hot(_loop(body))


HELPERS = {
    "the rest": ("def every(s, n):\n    return s % n == 0\n", "every(step, 10)"),
    "another name": ("def due(s, n):\n    return s % n == 0\n", "due(step, 10)"),
    "a default": ("def due(s, n=10):\n    return s % n == 0\n", "due(step)"),
    "a no": ("def due(s):\n    if s < 9:\n        return False\n    return s % 9 == 0\n", "due(s)"),
    "a yes": ("def due(s):\n    if s % 9 == 0:\n        return True\n    return 0\n", "due(s)"),
    "no end": ("def due(s):\n    if s % 9 == 0:\n        return True\n", "due(s)"),
    "a helper of a helper": (
        "def rest(s, n):\n    return s % n == 0\ndef due(s):\n    return rest(s, 9)\n",
        "due(step)",
    ),
}  # fmt: skip
NO_HELPERS = {
    "each step": ("def every(s, n):\n    return s % n == 0\n", "every(step, 1)"),
    "each step by default": ("def due(s, n=1):\n    return s % n == 0\n", "due(step)"),
    "the rank": ("def should_log():\n    return rank == 0\n", "should_log()"),
    "two ways": ("def due(s):\n    if a:\n        return True\n    return s % 9 == 0\n", "due(s)"),
    "anything": ("def due(s):\n    return s in seen\n", "due(step)"),
}


@pytest.mark.parametrize(("helper", "test"), HELPERS.values(), ids=HELPERS)
def test_a_helper_that_gives_back_a_rare_condition_is_a_guard(helper: str, test: str) -> None:
    assert not _hot(_loop(f"if {test}:\n    HERE", helper))


@pytest.mark.parametrize(("helper", "test"), NO_HELPERS.values(), ids=NO_HELPERS)
def test_a_helper_that_may_say_yes_in_every_step_is_no_guard(helper: str, test: str) -> None:
    assert _hot(_loop(f"if {test}:\n    HERE", helper))


@pytest.mark.parametrize(
    ("answer", "hot"), [("self.n % self.every == 0", False), ("self.on", True)]
)
def test_a_method_of_the_class_is_a_helper_too(answer: str, hot: bool) -> None:
    source = f"""
        class Trainer:
            def _is_time(self):
                return {answer}
            def fit(self):
                for x in loader:
                    loss.backward()
                    optimizer.step()
                    if self._is_time():
                        HERE
        """
    assert _hot(source) is hot


def test_a_name_that_stands_for_the_rank_is_no_guard_whatever_it_is_called() -> None:
    assert _hot(_loop("should_log = rank == 0\nif should_log:\n    HERE"))
    assert not _hot(_loop("should_log = rank == 0 and step % 9 == 0\nif should_log:\n    HERE"))


def test_what_is_there_after_a_rare_branch_only_is_seldom_there() -> None:
    before = "old = None\nif {}:\n    old = snapshot(model)\nif old is not None:\n    HERE"
    assert not _hot(_loop(before.format("args.trace and step % 50 == 0")))
    assert _hot(_loop(before.format("args.trace")))


CALLEE = "def report(loss, on{}):\n    if on:\n        HERE\n"
LEAVES = "def report(loss, on{}):\n    if not on:\n        return\n    HERE\n"


@pytest.mark.parametrize("callee", [CALLEE, LEAVES])
@pytest.mark.parametrize(
    ("default", "calls", "hot"),
    [
        ("", "report(loss, on=step % 100 == 0)", False),
        ("", "report(loss, step % 100 == 0)", False),
        ("", "flag = step % 100 == 0\nreport(loss, flag)", False),
        ("=False", "report(loss)\nreport(loss, step % 100 == 0)", False),
        ("=False", "report(loss)\nif step % 100 == 0:\n    report(loss, True)", False),
        ("", "report(loss, on=True)", True),
        ("=True", "report(loss)", True),
        ("", "report(loss, step % 100 == 0)\nreport(loss, args.on)", True),
        ("", "report(loss, rank == 0)", True),
        ("", "report(loss, **options)", True),
        ("=False", "report(loss)", False),
        ("=True", "report(loss, False)", False),
        ("=False", "report(loss)\nreport(loss, args.on)", True),
    ],
)
def test_a_flag_is_what_all_callers_pass(callee: str, default: str, calls: str, hot: bool) -> None:
    assert _hot(callee.format(default) + _loop(calls)) is hot


@pytest.mark.parametrize(
    ("calls", "hot"),
    [
        ("meter.report(loss, on=step % 100 == 0)", False),
        ("meter.report(loss, step % 100 == 0)", False),
        ("meter.report(loss, meter.due(step))", False),
        ("meter.report(loss, meter.due)", True),
        ("meter.report(loss, True)", True),
    ],
)
def test_the_methods_of_an_object_are_asked_like_functions(calls: str, hot: bool) -> None:
    source = """
        class Meter:
            def due(self, step):
                return step % self.every == 0
            def report(self, loss, on):
                if on:
                    HERE
        meter = Meter()
        """
    assert _hot(dedent(source) + _loop(calls)) is hot


@pytest.mark.parametrize(
    ("default", "calls", "hot"),
    [
        ("", "report(loss, on=step % 100 == 0)", False),
        ("", "report(loss, step % 100 == 0)", False),
        ("=False", "report(loss)\nreport(loss, on=step % 100 == 0)", False),
        ("=True", "report(loss)", True),
        ("", "report(loss, True)", True),
        ("", "report(loss, on=step % 100 == 0)\nreport(loss, rank == 0)", True),
    ],
)
def test_a_flag_is_what_the_callers_in_other_files_pass(
    default: str, calls: str, hot: bool, tmp_path: Path
) -> None:
    callee = CALLEE.format(default).replace("HERE", "print(loss.item())")
    train = _loop(f"loss = model(x.cuda()).mean()\n{calls}")
    (tmp_path / "pyproject.toml").write_text("[tool.perflint.lints]\n")
    (tmp_path / "meters.py").write_text("import torch\n" + callee)
    (tmp_path / "train.py").write_text("import torch\nfrom meters import report\n" + train)
    config = LintConfig(root=tmp_path)
    result = check_paths(tmp_path, [tmp_path], config, None, Effort())
    assert any(f.path == "meters.py" and f.code == "PFL101" for f in result.findings) is hot


def test_a_flag_for_accumulated_steps_is_no_guard() -> None:
    callee = "def run(loss, update_params):\n    if update_params:\n        HERE\n"
    assert _hot(callee + _loop("run(loss, step % 4 == 0)"))


@pytest.mark.parametrize(("last", "hot"), [("report(loss, True)", False), ("", False)])
def test_a_call_after_the_loop_says_nothing_of_the_steps(last: str, hot: bool) -> None:
    steps = indent(_loop("report(loss, step % 100 == 0)"), "    ")
    source = f"for epoch in range(9):\n{steps}    {last or 'pass'}\n"
    assert _hot(CALLEE.format("") + source) is hot
    assert _hot(CALLEE.format("") + source.replace("step % 100 == 0", "loud"))


def test_a_guard_of_the_step_itself_is_none_where_a_method_takes_the_step() -> None:
    source = """
        class Agent:
            def learn(self, loss):
                loss.backward()
                self.optimizer.step()
            def update(self, batch, step):
                if step % self.every != 0:
                    return
                {what}
                self.learn(self.loss_of(batch))
        def train(agent, loader):
            agent = Agent()
            for step, batch in enumerate(loader):
                agent.update(batch, step)
                agent.optimizer.step()
        """
    assert _hot(source.format(what="HERE"))
    assert not _hot(source.format(what="HERE").replace("self.learn(self.loss_of(batch))", "pass"))


def test_what_a_function_does_where_it_is_tried_out_is_not_in_every_step() -> None:
    tried = "if __name__ == '__main__':\n"
    assert not _hot(_loop("report(loss)", "def report(loss):\n    " + tried + "        HERE\n"))
    assert _hot(tried + indent(_loop("HERE"), "    "))


@pytest.mark.parametrize(("method", "hot"), [("forward", True), ("run", False)])
def test_what_predicts_within_a_model_is_trained_with_it(method: str, hot: bool) -> None:
    source = f"""
        class LengthPredictor(torch.nn.Module):
            def {method}(self, x):
                HERE
        predictor = LengthPredictor()
        """
    call = "predictor(x)" if method == "forward" else f"predictor.{method}(x)"
    assert _hot(dedent(source) + _loop(call)) is hot
