"""What frameworks call in every step: hooks, step functions, handlers, losses."""

from pathlib import Path
from textwrap import dedent

import pytest
from torch_perflint.lints.cache import Cache
from torch_perflint.lints.engine import check_source
from torch_perflint.lints.registry import all_rules
from torch_perflint.lints.survey import FRAMEWORKS, mentions_framework, survey

WAITS = "torch.ones(1).cuda().item()"
RULES = [rule for rule in all_rules() if rule.code == "PFL101"]


def _lines(source: str) -> list[int]:
    code = dedent(source).replace("WAITS", WAITS)
    return [finding.span.line for finding in check_source(code, "train.py", RULES)]


def _method(imports: str, base: str, method: str) -> str:
    return f"import torch\n{imports}\nclass Own({base}):\n    def {method}:\n        WAITS\n"


HOOKS = [
    ("import lightning as L", "L.LightningModule", "training_step(self, batch, batch_idx)"),
    ("import pytorch_lightning as pl", "pl.LightningModule", "on_after_backward(self)"),
    ("import lightning.pytorch as pl", "pl.LightningModule", "optimizer_step(self, *args)"),
    ("from lightning.pytorch.callbacks import Callback", "Callback",
     "on_train_batch_end(self, trainer, module, outputs, batch, batch_idx)"),
    ("from transformers import Trainer", "Trainer", "compute_loss(self, model, inputs)"),
    ("from transformers.trainer import Trainer", "Trainer", "training_step(self, model, inputs)"),
    ("from transformers import Seq2SeqTrainer", "Seq2SeqTrainer", "compute_loss(self, m, inputs)"),
    ("from transformers import TrainerCallback", "TrainerCallback",
     "on_step_end(self, args, state, control, **kw)"),
    ("from transformers import TrainerCallback", "TrainerCallback",
     "on_substep_end(self, args, state, control)"),
    ("from trl import SFTTrainer", "SFTTrainer", "compute_loss(self, model, inputs)"),
    ("import trl", "trl.DPOTrainer", "training_step(self, model, inputs)"),
    ("from trl.trainer.grpo_trainer import GRPOTrainer", "GRPOTrainer",
     "_compute_loss(self, model, inputs)"),
    ("from trl import PPOTrainer", "PPOTrainer", "compute_loss(self, model, inputs)"),
    ("from mmengine.hooks import Hook", "Hook", "after_train_iter(self, runner, batch_idx)"),
    ("from mmengine.hooks import LoggerHook", "LoggerHook", "before_train_iter(self, runner, n)"),
    ("from mmcv.runner import Hook", "Hook", "after_train_iter(self, runner)"),
    ("from mmengine.model import BaseModel", "BaseModel", "train_step(self, data, optim_wrapper)"),
    ("import speechbrain as sb", "sb.Brain", "compute_objectives(self, predictions, batch, stage)"),
    ("import speechbrain as sb", "sb.core.Brain", "compute_forward(self, batch, stage)"),
    ("import speechbrain as sb", "sb.Brain", "on_fit_batch_end(self, batch, outputs, loss, step)"),
    ("from speechbrain.core import Brain", "Brain", "fit_batch(self, batch)"),
    ("from detectron2.engine import HookBase", "HookBase", "after_step(self)"),
    ("from detectron2.engine.train_loop import HookBase", "HookBase", "before_step(self)"),
    ("from detectron2.engine import DefaultTrainer", "DefaultTrainer", "run_step(self)"),
    ("from composer import Callback", "Callback", "batch_end(self, state, logger)"),
]  # fmt: skip
NO_HOOKS = [
    ("import lightning as L", "L.LightningModule", "validation_step(self, batch, batch_idx)"),
    ("import lightning as L", "L.LightningModule", "on_train_epoch_end(self)"),
    ("import lightning as L", "Unknown", "training_step(self, batch, batch_idx)"),
    ("from transformers import Trainer", "Trainer", "evaluate(self, dataset)"),
    ("from transformers import Trainer", "Trainer", "prediction_step(self, model, inputs)"),
    ("from transformers import TrainerCallback", "TrainerCallback", "on_log(self, args, state)"),
    ("from trl import SFTTrainer", "SFTTrainer", "log(self, logs)"),
    ("from trl import SFTConfig", "SFTConfig", "compute_loss(self, model, inputs)"),
    ("from mmengine.hooks import Hook", "Hook", "after_val_iter(self, runner, batch_idx)"),
    ("from mmengine.hooks import Hook", "Hook", "after_train_epoch(self, runner)"),
    ("from mmengine.model import BaseModel", "BaseModel", "val_step(self, data)"),
    ("import speechbrain as sb", "sb.Brain", "on_stage_end(self, stage, loss, epoch)"),
    ("import speechbrain as sb", "sb.Brain", "evaluate_batch(self, batch, stage)"),
    ("from detectron2.engine import HookBase", "HookBase", "after_train(self)"),
    ("from composer import Callback", "Callback", "epoch_end(self, state, logger)"),
]


@pytest.mark.parametrize(("imports", "base", "method"), HOOKS)
def test_a_hook_of_training_runs_in_every_step(imports: str, base: str, method: str) -> None:
    assert _lines(_method(imports, base, method)) == [5]


@pytest.mark.parametrize(("imports", "base", "method"), NO_HOOKS)
def test_another_method_does_not(imports: str, base: str, method: str) -> None:
    assert _lines(_method(imports, base, method)) == []


def test_a_class_between_the_hook_and_the_framework_changes_nothing() -> None:
    source = """
        import torch
        from detectron2.engine import HookBase
        class Between(HookBase):
            pass
        class Own(Between):
            def after_step(self):
                WAITS
        """
    assert _lines(source) == [8]


@pytest.mark.parametrize(
    ("guard", "lines"),
    [
        ("self.every_n_train_iters(runner, 50)", []),
        ("self.every_n_train_iters(runner, 1)", [6]),
        ("self.end_of_epoch(runner.train_dataloader, batch_idx)", []),
    ],
)
def test_a_hook_of_mmengine_asks_for_itself_how_often(guard: str, lines: list[int]) -> None:
    method = "after_train_iter(self, runner, batch_idx)"
    source = _method("from mmengine.hooks import Hook", "Hook", method)
    assert _lines(source.replace("WAITS", f"if {guard}:\n            WAITS")) == lines


@pytest.mark.parametrize(
    ("guard", "lines"),
    [("stage == sb.Stage.TRAIN", [6]), ("stage != sb.Stage.TRAIN", []), ("not stage", [6])],
)
def test_a_brain_of_speechbrain_is_asked_for_evaluation_too(guard: str, lines: list[int]) -> None:
    source = _method("import speechbrain as sb", "sb.Brain", "compute_forward(self, batch, stage)")
    assert _lines(source.replace("WAITS", f"if {guard}:\n            WAITS")) == lines


@pytest.mark.parametrize(
    ("guard", "lines"),
    [
        ("state.global_step % args.logging_steps == 0", []),
        ("control.should_log", []),
        ("state.is_world_process_zero", [6]),
    ],
)
def test_a_callback_of_transformers_looks_every_n_steps(guard: str, lines: list[int]) -> None:
    imports, method = "from transformers import TrainerCallback", "on_step_end(self, args, state)"
    source = _method(imports, "TrainerCallback", method)
    assert _lines(source.replace("WAITS", f"if {guard}:\n            WAITS")) == lines


@pytest.mark.parametrize(
    ("run", "lines"),
    [
        ("fabric.backward(loss)", [6]),
        ("accelerator.backward(loss)", [6]),
        ("self.manual_backward(loss)", [6]),
        ("scheduler.step()", []),
    ],
)
def test_the_loop_of_a_framework_without_hooks_is_a_loop(run: str, lines: list[int]) -> None:
    imports = "from lightning.fabric import Fabric\nfrom accelerate import Accelerator"
    source = f"import torch\n{imports}\nfor batch in loader:\n    {run}\n    WAITS\n"
    assert _lines(source) == lines


IGNITE = "import torch\nfrom ignite.engine import Engine, Events\n"
HANDLER = "def handler(engine):\n    WAITS\n"


@pytest.mark.parametrize(
    "source",
    [
        "def handler(engine, batch):\n    WAITS\ntrainer = Engine(handler)\n",
        f"@trainer.on(Events.ITERATION_COMPLETED)\n{HANDLER}",
        f"@trainer.on(Events.ITERATION_STARTED)\n{HANDLER}",
        f"{HANDLER}trainer.add_event_handler(Events.ITERATION_COMPLETED, handler)\n",
        "class A:\n    def handler(self, engine):\n        WAITS\n    def attach(self, trainer):\n"
        "        trainer.add_event_handler(Events.ITERATION_COMPLETED, self.handler)\n",
    ],
)
def test_an_engine_of_ignite_runs_its_function_and_handlers_in_every_step(source: str) -> None:
    text = IGNITE + source
    where = text.split("\n").index(next(line for line in text.split("\n") if "WAITS" in line)) + 1
    assert _lines(text) == [where]


@pytest.mark.parametrize(
    "source",
    [
        "def validate(engine, batch):\n    WAITS\nevaluator = Engine(validate)\n",
        f"@trainer.on(Events.ITERATION_COMPLETED(every=100))\n{HANDLER}",
        f"@trainer.on(Events.EPOCH_COMPLETED)\n{HANDLER}",
        f"@evaluator.on(Events.ITERATION_COMPLETED)\n{HANDLER}",
        f"{HANDLER}trainer.add_event_handler(Events.ITERATION_COMPLETED(every=9), handler)\n",
        f"{HANDLER}evaluator.add_event_handler(Events.ITERATION_COMPLETED, handler)\n",
    ],
)
def test_an_evaluator_or_every_n_th_iteration_is_no_step(source: str) -> None:
    assert _lines(IGNITE + source) == []


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_file_that_imports_only_a_framework_is_read(framework: str, tmp_path: Path) -> None:
    text = f"import {framework}\n"
    (tmp_path / "a.py").write_text(text)
    assert mentions_framework(text)
    [found] = survey([("a.py", str(tmp_path / "a.py"))], Cache(None))
    assert found.matters


def test_a_short_name_within_another_word_is_no_framework() -> None:
    assert not mentions_framework("ctrl = 3\n")


@pytest.mark.parametrize(("called", "hot"), [("fit", True), ("evaluate", False)])
def test_a_brain_that_is_only_evaluated_does_not_train(called: str, hot: bool) -> None:
    source = _method("import speechbrain as sb", "sb.Brain", "compute_forward(self, batch, stage)")
    assert bool(_lines(source + f"\nbrain = Mine(modules)\nbrain.{called}(data)\n")) is hot
