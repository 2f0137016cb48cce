"""Hugging Face's Trainer on a tiny GPT-2 made at random: 14 steps, logging every fifth."""

import os
import sys
import tempfile

import torch

os.environ["HF_HUB_OFFLINE"] = "1"
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

DTYPE = os.environ.get("DTYPE", "float32")
torch.manual_seed(0)


class Words(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        words = torch.randint(200, (32,), generator=torch.Generator().manual_seed(index))
        return {"input_ids": words, "labels": words}


class Tell(TrainerCallback):
    def on_log(self, *args: object, logs: dict[str, float], **options: object) -> None:
        if "loss" in logs:
            print("LOSS", float(logs["loss"]).hex(), file=sys.stderr)


small = {"n_embd": 64, "n_layer": 2, "n_head": 4, "bos_token_id": 0, "eos_token_id": 0}
model = GPT2LMHeadModel(GPT2Config(vocab_size=200, n_positions=64, **small))
with tempfile.TemporaryDirectory() as folder:
    arguments = TrainingArguments(
        folder,
        max_steps=14,
        per_device_train_batch_size=4,
        logging_steps=5,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        bf16=DTYPE == "bfloat16",
        gradient_checkpointing=DTYPE == "bfloat16",
    )
    done = Trainer(model, arguments, train_dataset=Words(), callbacks=[Tell()]).train()
total = float(sum(p.detach().double().sum() for p in model.parameters()))
print("LOSS", done.training_loss.hex(), total.hex(), file=sys.stderr)
