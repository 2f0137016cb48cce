"""How fast the language model trains."""

import pytest
import torch

from minitrain.gpt import GPT, Size

BATCH = 4
CONTEXT = 64


@pytest.mark.perf(items=BATCH * CONTEXT, unit="tokens")
def test_gpt_train(perf):
    torch.manual_seed(0)
    size = Size(context=CONTEXT)
    model = GPT(size).to(perf.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    text = torch.randint(size.vocabulary, (BATCH, CONTEXT + 1)).to(perf.device)
    tokens, targets = text[:, :-1], text[:, 1:]

    def step():
        optimizer.zero_grad(set_to_none=True)
        model(tokens, targets).backward()
        optimizer.step()

    perf(step)
