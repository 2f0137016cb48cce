"""Constructs of training scripts: how often CUDA makes the host wait in each, and why. Data.

`x` (4 × 4, float), `m` (`x > 0`) and `i` (0 to 3) are on the GPU; `c` (4 × 4) is on the CPU. The
counts are those of torch 2.13 as its sources have them; an operator that waits is one wait, however
often it reads. No GPU has run them yet.
"""

import copy
import io
import math
import pickle
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from torch import nn
from torch.utils.checkpoint import checkpoint

Given = Any


class Construct(NamedTuple):
    """Something that a script does, how often the host waits for it, and why."""

    name: str
    waits: int
    why: str
    run: Callable[[Given], object]


def given() -> Given:
    """Return the tensors that every construct starts from."""
    torch.manual_seed(0)
    x = torch.randn(4, 4, device="cuda")
    return SimpleNamespace(
        x=x, m=x > 0, i=torch.arange(4, device="cuda"), c=torch.randn(4, 4), one=x.abs().max()
    )


def _set(target: torch.Tensor, index: Any, value: Any) -> None:
    target[index] = value


def _step(optimizer: Any, g: Given, **options: Any) -> None:
    p = nn.Parameter(g.x.clone())
    p.grad = torch.ones_like(p)
    optimizer([p], lr=0.1, **options).step()


def _scaled(g: Given, optimizer: Any = torch.optim.SGD, **options: Any) -> None:
    p = nn.Parameter(g.x.clone())
    scaler = torch.amp.GradScaler("cuda")
    used = optimizer([p], lr=0.1, **options)
    scaler.scale((p * p).sum()).backward()
    scaler.step(used)
    scaler.update()


def _with_grad(g: Given) -> torch.Tensor:
    return g.x.clone().requires_grad_()


def _in_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


class _Reading(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return grad * grad.sum().item()


def _hooked(g: Given) -> None:
    x = _with_grad(g)
    x.register_hook(lambda grad: grad / grad.norm().item())
    (x * x).sum().backward()


def _in_inference(work: Callable[[], object]) -> object:
    with torch.inference_mode():
        return work()


def _within_device(work: Callable[[], object]) -> object:
    with torch.device("cuda"):
        return work()


def _saved(g: Given) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(g.x, file)
    file.seek(0)
    return file


def _loaded(g: Given) -> object:
    file = io.BytesIO()
    torch.save(g.c, file)
    file.seek(0)
    return torch.load(file, map_location="cuda")


def _batches(g: Given, *, non_blocking: bool) -> None:
    data = torch.utils.data.TensorDataset(torch.ones(8, 2))
    for (batch,) in torch.utils.data.DataLoader(data, batch_size=4, pin_memory=True):
        batch.to("cuda", non_blocking=non_blocking)


def _model() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU())


def _on_gpu(module: nn.Module, g: Given) -> nn.Module:
    """Put a module on the GPU by copies of `x`, which cost nothing."""
    for parameter in module.parameters():
        parameter.data = torch.rand(parameter.shape, device="cuda")
    for owner in module.modules():
        for name, buffer in list(owner.named_buffers(recurse=False)):
            owner.register_buffer(name, torch.zeros_like(buffer, device="cuda"))
    return module


def _packed(g: Given, lengths: torch.Tensor, **options: Any) -> object:
    pack = nn.utils.rnn.pack_padded_sequence
    return pack(g.x[:, :, None], lengths, batch_first=True, **options)


def _checkpointed(g: Given) -> None:
    x = _with_grad(g)
    checkpoint(lambda y: F.dropout(y, 0.5).relu(), x, use_reentrant=False).sum().backward()


VALUE = "the value goes to Python"
SIZE = "the size of the result goes to Python"
KERNEL = "one kernel, whose result stays on the GPU"
TO_GPU = "a copy from pageable memory, which the host waits for"
FROM_GPU = "a blocking copy from the GPU"

# The 54 that the approach was tried on first; multinomial reads nothing since torch 2.6 or so.
FIRST = [
    Construct("item", 1, VALUE, lambda g: g.x.sum().item()),
    Construct("float", 1, VALUE, lambda g: float(g.x.sum())),
    Construct("bool of any", 1, VALUE, lambda g: bool(g.m.any())),
    Construct("if", 1, VALUE, lambda g: 1 if g.x.sum() > 0 else 0),
    Construct("cpu", 1, FROM_GPU, lambda g: g.x.cpu()),
    Construct("to cpu", 1, FROM_GPU, lambda g: g.x.to("cpu")),
    Construct(
        "to cpu non_blocking", 0, "into pinned memory", lambda g: g.x.to("cpu", non_blocking=True)
    ),
    Construct("tolist", 1, VALUE, lambda g: g.x.tolist()),
    Construct("repr", 1, VALUE, lambda g: repr(g.x)),
    Construct("format", 1, VALUE, lambda g: f"{g.x.sum():.3f}"),
    Construct("mask", 1, SIZE, lambda g: g.x[g.m]),
    Construct("fill a mask", 0, "becomes masked_fill", lambda g: _set(g.x, g.m, 0.0)),
    Construct("masked_fill", 0, KERNEL, lambda g: g.x.masked_fill(g.m, 0.0)),
    Construct("where with values", 0, KERNEL, lambda g: torch.where(g.m, g.x, 0.0)),
    Construct("where", 1, SIZE, lambda g: torch.where(g.m)),
    Construct("nonzero", 1, SIZE, lambda g: g.x.nonzero()),
    Construct("masked_select", 1, SIZE, lambda g: torch.masked_select(g.x, g.m)),
    Construct("unique", 1, SIZE, lambda g: torch.unique(g.x)),
    Construct("equal", 1, VALUE, lambda g: torch.equal(g.x, g.x.clone())),
    Construct("allclose", 1, VALUE, lambda g: torch.allclose(g.x, g.x)),
    Construct("tensor on the GPU", 1, TO_GPU, lambda g: torch.tensor(1.0, device="cuda")),
    Construct("zeros", 0, KERNEL, lambda g: torch.zeros(3, device="cuda")),
    Construct("arange", 0, KERNEL, lambda g: torch.arange(3, device="cuda")),
    Construct("full", 0, KERNEL, lambda g: torch.full((3,), 2.0, device="cuda")),
    Construct("to cuda", 1, TO_GPU, lambda g: g.c.to("cuda")),
    Construct(
        "pinned non_blocking",
        0,
        "the copy is asynchronous",
        lambda g: g.c.pin_memory().to("cuda", non_blocking=True),
    ),
    Construct(
        "pageable non_blocking",
        0,
        "the host copies into a buffer and does not wait for the GPU",
        lambda g: g.c.to("cuda", non_blocking=True),
    ),
    Construct("add a number", 0, KERNEL, lambda g: g.x + 1),
    Construct(
        "times a number on the CPU",
        0,
        "a tensor without dimensions is passed like a number",
        lambda g: g.x * torch.tensor(2.0),
    ),
    Construct("cumsum", 0, KERNEL, lambda g: g.x.cumsum(0)),
    Construct("topk", 0, KERNEL, lambda g: g.x.topk(2)),
    Construct("sort", 0, KERNEL, lambda g: g.x.sort()),
    Construct("one_hot without classes", 1, "the largest class is read", lambda g: F.one_hot(g.i)),
    Construct("one_hot", 0, "CUDA does not check the classes", lambda g: F.one_hot(g.i, 4)),
    Construct("repeat_interleave", 1, SIZE, lambda g: torch.repeat_interleave(g.x[:, 0], g.i)),
    Construct(
        "repeat_interleave with size",
        0,
        KERNEL,
        lambda g: torch.repeat_interleave(g.x[:, 0], g.i, output_size=6),
    ),
    Construct("bincount", 1, "the largest value is read", lambda g: torch.bincount(g.i)),
    Construct(
        "multinomial",
        0,
        "checked by an assertion on the GPU",
        lambda g: torch.multinomial(g.x.abs(), 1),
    ),
    Construct("index on the CPU", 1, TO_GPU, lambda g: g.x[torch.tensor([0, 1])]),
    Construct("index on the GPU", 0, KERNEL, lambda g: g.x[g.i]),
    Construct("list as index", 1, TO_GPU, lambda g: g.x[[0, 1]]),
    Construct("synchronize", 1, "that is what it does", lambda g: torch.cuda.synchronize()),
    Construct("total norm", 0, KERNEL, lambda g: nn.utils.get_total_norm([g.x])),
    Construct("isnan in if", 1, VALUE, lambda g: 1 if torch.isnan(g.x).any() else 0),
    Construct("item on the CPU", 0, "no GPU in it", lambda g: g.c.sum().item()),
    Construct(
        "inv",
        1,
        "the host reads whether it failed",
        lambda g: torch.linalg.inv(g.x @ g.x.T + torch.eye(4, device="cuda")),
    ),
    Construct("norm", 0, KERNEL, lambda g: torch.linalg.norm(g.x)),
    Construct("numpy by cpu", 1, FROM_GPU, lambda g: g.x.cpu().numpy()),
    Construct("numpy by detach and cpu", 1, FROM_GPU, lambda g: g.x.detach().cpu().numpy()),
    Construct("max item", 1, VALUE, lambda g: g.x.max().item()),
    Construct("Python's max", 3, "each comparison is read", lambda g: max(list(g.x[0]))),
    Construct("len", 0, "the host knows shapes", lambda g: len(g.x)),
    Construct("shape", 0, "the host knows shapes", lambda g: g.x.shape[0]),
    Construct("split by read sizes", 1, VALUE, lambda g: g.x.split(g.i[2:3].tolist() * 2)),
]

READS = [
    Construct("int", 1, VALUE, lambda g: int(g.x.argmax())),
    Construct("complex", 1, VALUE, lambda g: complex(g.x[0, 0])),
    Construct("in", 1, VALUE, lambda g: 3.0 in g.x),
    Construct("sqrt of math", 1, VALUE, lambda g: math.sqrt(g.one)),
    Construct("range", 1, VALUE, lambda g: range(g.i[2])),
    Construct("is_nonzero", 1, VALUE, lambda g: torch.is_nonzero(g.one)),
    Construct("item in inference", 1, VALUE, lambda g: _in_inference(lambda: g.x.sum().item())),
    Construct("mask in inference", 1, SIZE, lambda g: _in_inference(lambda: g.x[g.m])),
    Construct("not any", 1, VALUE, lambda g: not g.m.any()),
    Construct("Python's max of two", 1, VALUE, lambda g: max(g.x.sum(), g.x.mean())),
    Construct("percent format", 1, VALUE, lambda g: "%.3f" % g.x.sum()),  # noqa: UP031
    Construct("running sum by item", 2, VALUE, lambda g: sum(v.item() for v in (g.one, g.one))),
    Construct("running sum", 0, KERNEL, lambda g: g.one + g.one.detach()),
    Construct("isfinite all item", 1, VALUE, lambda g: torch.isfinite(g.x).all().item()),
    Construct("assert async", 0, "checked on the GPU", lambda g: torch._assert_async(g.one > 0)),
    Construct("numpy by force", 1, FROM_GPU, lambda g: g.x.numpy(force=True)),
    Construct("accuracy", 1, VALUE, lambda g: (g.x.argmax(1) == g.i).sum().item()),
    Construct("arange to a value", 1, VALUE, lambda g: torch.arange(g.i[2])),
    Construct("full of a value", 1, VALUE, lambda g: torch.full((3,), g.one)),
    Construct("index by a value", 1, "a single number as index is read", lambda g: g.x[g.i[1]]),
    Construct("slice to a value", 1, VALUE, lambda g: g.x[: g.i[2]]),
    Construct("tensor of values", 2, VALUE, lambda g: torch.tensor([g.one, g.one])),
    Construct("item in a thread", 1, VALUE, lambda g: _in_thread(lambda: g.one.item())),
    Construct(
        "item in a backward", 1, VALUE, lambda g: _Reading.apply(_with_grad(g)).sum().backward()
    ),
    Construct("item in a hook", 1, VALUE, _hooked),
]

COPIES = [
    Construct("nothing to the GPU", 0, "there is nothing to copy", lambda g: g.c[:0].cuda()),
    Construct(
        "tensor of nothing",
        0,
        "there is nothing to copy",
        lambda g: torch.tensor([], device="cuda"),
    ),
    Construct("cuda", 1, TO_GPU, lambda g: g.c.cuda()),
    Construct(
        "cuda from pinned", 0, "asynchronous", lambda g: g.c.pin_memory().cuda(non_blocking=True)
    ),
    Construct(
        "pinned, blocking",
        1,
        "without non_blocking the host waits",
        lambda g: g.c.pin_memory().cuda(),
    ),
    Construct("to the device of another", 1, TO_GPU, lambda g: g.c.to(g.x)),
    Construct("to where another is", 1, FROM_GPU, lambda g: g.x.to(g.c)),
    Construct("to cuda again", 0, "it is there", lambda g: g.x.to("cuda")),
    Construct("to another type", 0, KERNEL, lambda g: g.x.to(torch.float16)),
    Construct("half", 0, KERNEL, lambda g: g.x.half()),
    Construct("type by name", 1, TO_GPU, lambda g: g.c.type("torch.cuda.FloatTensor")),
    Construct("device by number", 1, TO_GPU, lambda g: g.c.to(0)),
    Construct("from_numpy", 1, TO_GPU, lambda g: torch.from_numpy(g.c.numpy()).to("cuda")),
    Construct("as_tensor", 1, TO_GPU, lambda g: torch.as_tensor(g.c.numpy(), device="cuda")),
    Construct(
        "as_tensor of what is there",
        0,
        "nothing is copied",
        lambda g: torch.as_tensor(g.x, device="cuda"),
    ),
    Construct("tensor of a tensor there", 0, "copied on the GPU", lambda g: torch.tensor(g.one)),
    Construct(
        "scalar_tensor", 0, "filled by a kernel", lambda g: torch.scalar_tensor(1.0, device="cuda")
    ),
    Construct("new_tensor", 1, TO_GPU, lambda g: g.x.new_tensor([1.0])),
    Construct("new_zeros", 0, KERNEL, lambda g: g.x.new_zeros(3)),
    Construct("zeros_like of the CPU's", 0, KERNEL, lambda g: torch.zeros_like(g.c, device="cuda")),
    Construct("copy_ to the GPU", 1, TO_GPU, lambda g: g.x.copy_(g.c)),
    Construct(
        "copy_ from pinned",
        0,
        "asynchronous",
        lambda g: g.x.copy_(g.c.pin_memory(), non_blocking=True),
    ),
    Construct("copy_ from the GPU", 1, FROM_GPU, lambda g: g.c.copy_(g.x)),
    Construct(
        "copy_ into pinned",
        0,
        "asynchronous",
        lambda g: g.c.pin_memory().copy_(g.x, non_blocking=True),
    ),
    Construct("copy_ on the GPU", 0, KERNEL, lambda g: g.x.copy_(g.x * 2)),
    Construct("assign from the CPU", 1, TO_GPU, lambda g: _set(g.x, 0, g.c[0])),
    Construct("assign to the CPU", 1, FROM_GPU, lambda g: _set(g.c, 0, g.x[0])),
    Construct("assign a number", 0, "filled by a kernel", lambda g: _set(g.x, 0, 1.0)),
    Construct("Module.to", 7, "each parameter and buffer is copied", lambda g: _model().to("cuda")),
    Construct(
        "load_state_dict",
        2,
        TO_GPU,
        lambda g: _on_gpu(nn.Linear(4, 4), g).load_state_dict(nn.Linear(4, 4).state_dict()),
    ),
    Construct("deepcopy", 0, "copied on the GPU", lambda g: copy.deepcopy(g.x)),
    Construct("pickle", 1, FROM_GPU, lambda g: pickle.dumps(g.x)),
    Construct("save", 1, FROM_GPU, _saved),
    Construct("load", 1, TO_GPU, _loaded),
    Construct("pinned loader", 0, "asynchronous", lambda g: _batches(g, non_blocking=True)),
    Construct(
        "pinned loader, blocking",
        2,
        "without non_blocking the host waits",
        lambda g: _batches(g, non_blocking=False),
    ),
    Construct("default device zeros", 0, KERNEL, lambda g: _within_device(lambda: torch.zeros(3))),
    Construct(
        "default device tensor", 1, TO_GPU, lambda g: _within_device(lambda: torch.tensor(1.0))
    ),
    Construct("pinned memory", 0, "no GPU in it", lambda g: torch.empty(3, pin_memory=True)),
]

OPERATORS = [
    Construct("assign a value to a mask", 1, SIZE, lambda g: _set(g.x, g.m, g.one)),
    Construct(
        "add to a mask",
        2,
        "read by the mask, then written by it",
        lambda g: _set(g.x, g.m, g.x[g.m] + 1),
    ),
    Construct("mask and column", 1, SIZE, lambda g: g.x[g.m[0], 0]),
    Construct(
        "backward of a mask",
        2,
        "the mask is turned into indices again",
        lambda g: _with_grad(g)[g.m].sum().backward(),
    ),
    Construct(
        "masked_fill with a value", 1, "the value is read", lambda g: g.x.masked_fill(g.m, g.one)
    ),
    Construct(
        "index_fill with a value", 1, "the value is read", lambda g: g.x.index_fill(0, g.i, g.one)
    ),
    Construct("masked_scatter", 0, KERNEL, lambda g: g.x.masked_scatter(g.m, g.x)),
    Construct("where with a value", 0, KERNEL, lambda g: torch.where(g.m, g.one, g.x)),
    Construct("clamp by a value", 0, KERNEL, lambda g: torch.clamp(g.x, max=g.one)),
    Construct("fill_ with a value", 0, "copied on the GPU", lambda g: g.x.fill_(g.one)),
    Construct("picked logits, index on the CPU", 1, TO_GPU, lambda g: g.x[torch.arange(4), g.i]),
    Construct("picked logits", 0, KERNEL, lambda g: g.x[g.i, g.i]),
    Construct("gather", 0, KERNEL, lambda g: g.x.gather(1, g.i[:, None])),
    Construct("scatter_add", 0, KERNEL, lambda g: g.x.scatter_add(0, g.i[None], g.x)),
    Construct("index_add", 0, KERNEL, lambda g: g.x.index_add(0, g.i, g.x)),
    Construct(
        "accumulating index_put",
        0,
        KERNEL,
        lambda g: g.x.index_put_((g.i,), g.x * 2, accumulate=True),
    ),
    Construct("index_select", 0, KERNEL, lambda g: g.x.index_select(0, g.i)),
    Construct("unique_consecutive", 1, SIZE, lambda g: torch.unique_consecutive(g.i)),
    Construct("unique of rows", 1, SIZE, lambda g: torch.unique(g.x, dim=0)),
    Construct("argwhere", 1, SIZE, lambda g: torch.argwhere(g.m)),
    Construct("nonzero as tuple", 1, SIZE, lambda g: g.m.nonzero(as_tuple=True)),
    Construct(
        "nonzero_static", 0, "the size is given", lambda g: torch.nonzero_static(g.m, size=4)
    ),
    Construct(
        "repeat_interleave by a number", 0, KERNEL, lambda g: torch.repeat_interleave(g.x, 2)
    ),
    Construct("isin few", 0, "each is compared", lambda g: torch.isin(g.i, g.i[:2])),
    Construct(
        "isin many",
        1,
        "both sides are made unique",
        lambda g: torch.isin(g.i, torch.arange(99, device="cuda")),
    ),
    Construct("histc", 1, "the range is read", lambda g: g.x.histc(4)),
    Construct("histc with range", 0, KERNEL, lambda g: g.x.histc(4, -1, 1)),
    Construct(
        "quantile", 0, "only a CPU checks that it is between 0 and 1", lambda g: g.x.quantile(0.5)
    ),
    Construct("median", 0, KERNEL, lambda g: g.x.median()),
    Construct("searchsorted", 0, KERNEL, lambda g: torch.searchsorted(g.i, g.i)),
    Construct("cov", 1, "the degrees of freedom are checked", lambda g: torch.cov(g.x)),
    Construct(
        "combinations", 2, "a mask selects from each column", lambda g: torch.combinations(g.x[0])
    ),
    Construct("to_sparse", 1, SIZE, lambda g: g.x.to_sparse()),
    Construct(
        "coalesce", 1, SIZE, lambda g: torch.sparse_coo_tensor(g.i[None], g.x[0], (4,)).coalesce()
    ),
    Construct("einsum", 0, KERNEL, lambda g: torch.einsum("ij,jk->ik", g.x, g.x)),
    Construct("fft", 0, KERNEL, lambda g: torch.fft.rfft(g.x)),
    Construct("vmap", 0, KERNEL, lambda g: torch.func.vmap(torch.sum)(g.x)),
    Construct(
        "gradient by func", 0, KERNEL, lambda g: torch.func.grad(lambda x: (x * x).sum())(g.x)
    ),
    Construct(
        "cholesky",
        1,
        "the host reads whether it failed",
        lambda g: torch.linalg.cholesky(torch.eye(4, device="cuda")),
    ),
    Construct(
        "cholesky_ex",
        0,
        "nobody checks",
        lambda g: torch.linalg.cholesky_ex(torch.eye(4, device="cuda")),
    ),
    Construct(
        "solve", 1, "the host reads whether it failed", lambda g: torch.linalg.solve(g.x, g.x)
    ),
    Construct("solve_ex", 0, "nobody checks", lambda g: torch.linalg.solve_ex(g.x, g.x)),
    Construct("svd", 1, "the host reads whether it converged", lambda g: torch.linalg.svd(g.x)),
    Construct("eigh", 1, "the host reads whether it converged", lambda g: torch.linalg.eigh(g.x)),
    Construct("matrix_rank", 1, "by svd", lambda g: torch.linalg.matrix_rank(g.x)),
    Construct("pinv", 1, "by svd", lambda g: torch.linalg.pinv(g.x)),
    Construct("qr", 0, KERNEL, lambda g: torch.linalg.qr(g.x)),
    Construct("slogdet", 0, "nobody checks", lambda g: torch.linalg.slogdet(g.x)),
    Construct(
        "lu_factor", 1, "the host reads whether it failed", lambda g: torch.linalg.lu_factor(g.x)
    ),
    Construct("matrix_exp", 1, "matrices are sorted with nonzero", lambda g: torch.matrix_exp(g.x)),
]

RANDOM = [
    Construct("dropout", 0, KERNEL, lambda g: F.dropout(g.x)),
    Construct("bernoulli", 0, KERNEL, lambda g: torch.bernoulli(g.m.float())),
    Construct("rand", 0, KERNEL, lambda g: torch.rand(3, device="cuda")),
    Construct("randperm", 0, KERNEL, lambda g: torch.randperm(9, device="cuda")),
    Construct(
        "randn by a generator",
        0,
        KERNEL,
        lambda g: torch.randn(3, device="cuda", generator=torch.Generator("cuda").manual_seed(1)),
    ),
    Construct(
        "normal with a tensor",
        1,
        "no deviation may be negative",
        lambda g: torch.normal(g.x, g.x.abs()),
    ),
    Construct("normal", 0, KERNEL, lambda g: torch.normal(0.0, 1.0, (3,), device="cuda")),
    Construct(
        "several by multinomial",
        0,
        KERNEL,
        lambda g: torch.multinomial(g.x.abs(), 3, replacement=True),
    ),
    Construct(
        "checked distribution",
        2,
        "both arguments are checked",
        # Said aloud, since torch.compile switches the checks off for the rest of the process.
        lambda g: torch.distributions.Normal(g.x, g.x.abs() + 1, validate_args=True),
    ),
    Construct(
        "unchecked distribution",
        0,
        KERNEL,
        lambda g: torch.distributions.Normal(g.x, g.x.abs() + 1, validate_args=False).rsample(),
    ),
    Construct("gumbel_softmax", 0, KERNEL, lambda g: F.gumbel_softmax(g.x)),
    Construct(
        "trunc_normal_",
        2,
        "what lies outside is drawn again until nothing does",
        lambda g: nn.init.trunc_normal_(g.x),
    ),
]

TRAINING = [
    Construct("cross_entropy", 0, KERNEL, lambda g: F.cross_entropy(g.x, g.i)),
    Construct("embedding", 0, KERNEL, lambda g: F.embedding(g.i, g.x)),
    Construct(
        "embedding with max_norm",
        1,
        "the different indices are counted",
        lambda g: F.embedding(g.i, g.x, max_norm=1.0),
    ),
    Construct(
        "ctc_loss",
        1,
        "lengths are copied",
        lambda g: F.ctc_loss(
            torch.randn(5, 4, 4, device="cuda").log_softmax(-1),
            g.i[None].repeat(4, 1) % 3 + 1,
            torch.full((4,), 5),
            torch.full((4,), 2),
        ),
    ),
    Construct(
        "attention with a mask",
        0,
        KERNEL,
        lambda g: F.scaled_dot_product_attention(g.x[None], g.x[None], g.x[None], g.m[None]),
    ),
    Construct("batch norm", 0, KERNEL, lambda g: _on_gpu(_model(), g)(g.x)),
    Construct(
        "batch norm without momentum",
        1,
        "the number of batches is read",
        lambda g: _on_gpu(nn.BatchNorm1d(4, momentum=None), g)(g.x),
    ),
    Construct("lstm", 0, KERNEL, lambda g: _on_gpu(nn.LSTM(4, 4), g)(g.x)),
    Construct(
        "encoder layer",
        0,
        KERNEL,
        lambda g: _on_gpu(nn.TransformerEncoderLayer(4, 1, 8, batch_first=True), g)(g.x[None]),
    ),
    Construct(
        "encoder that looks whether its mask is causal",
        1,
        VALUE,
        lambda g: nn.TransformerEncoder(
            _on_gpu(nn.TransformerEncoderLayer(4, 1, 8, batch_first=True), g),
            1,
            enable_nested_tensor=False,
        )(g.x[None], mask=g.x),
    ),
    Construct(
        "packed sequence",
        0,
        "lengths are on the CPU",
        lambda g: _packed(g, torch.tensor([4, 3, 2, 1])),
    ),
    Construct(
        "packed sequence to be sorted",
        1,
        "the order is copied to the GPU",
        lambda g: _packed(g, torch.tensor([4, 3, 2, 1]), enforce_sorted=False),
    ),
    Construct("backward", 0, KERNEL, lambda g: (_with_grad(g) ** 2).sum().backward()),
    Construct("grad", 0, KERNEL, lambda g: torch.autograd.grad((y := _with_grad(g)).sum(), y)),
    Construct("checkpoint", 0, KERNEL, _checkpointed),
    Construct("autocast", 0, KERNEL, lambda g: torch.autocast("cuda")(torch.mm)(g.x, g.x)),
    Construct(
        "clip", 0, KERNEL, lambda g: nn.utils.clip_grad_norm_(g.x.clone().requires_grad_(), 1.0)
    ),
    Construct("clip that checks", 1, VALUE, lambda g: _clip_checked(g)),
    Construct("SGD", 0, KERNEL, lambda g: _step(torch.optim.SGD, g, momentum=0.9)),
    Construct(
        "AdamW", 0, "its counter of steps is on the CPU", lambda g: _step(torch.optim.AdamW, g)
    ),
    Construct(
        "AdamW one by one",
        0,
        "its counter of steps is on the CPU",
        lambda g: _step(torch.optim.AdamW, g, foreach=False),
    ),
    Construct("AdamW fused", 0, KERNEL, lambda g: _step(torch.optim.AdamW, g, fused=True)),
    Construct(
        "AdamW capturable", 0, KERNEL, lambda g: _step(torch.optim.AdamW, g, capturable=True)
    ),
    Construct("scaled step", 1, "whether gradients were infinite is read", _scaled),
    Construct(
        "scaled fused step",
        0,
        "the kernel looks itself",
        lambda g: _scaled(g, torch.optim.AdamW, fused=True),
    ),
    Construct(
        "get_scale",
        0,
        "no scale before the first step",
        lambda g: torch.amp.GradScaler("cuda").get_scale(),
    ),
    Construct(
        "plateau",
        1,
        VALUE,
        lambda g: torch.optim.lr_scheduler.ReduceLROnPlateau(torch.optim.SGD([g.x])).step(g.one),
    ),
    Construct(
        "moving average", 0, KERNEL, lambda g: torch._foreach_lerp_([g.x], [g.x.clone()], 0.1)
    ),
    Construct("all parameters as one", 0, KERNEL, lambda g: nn.utils.parameters_to_vector([g.x])),
    Construct("compiled", 0, KERNEL, lambda g: torch.compile(lambda x: x + 1)(g.x)),
]

STREAMS = [
    Construct(
        "Event.synchronize", 1, "that is what it does", lambda g: torch.cuda.Event().synchronize()
    ),
    Construct("Event.query", 0, "it only asks", lambda g: torch.cuda.Event().query()),
    Construct(
        "stream waits",
        0,
        "the GPU waits, not the host",
        lambda g: torch.cuda.Stream().wait_stream(torch.cuda.current_stream()),
    ),
    Construct(
        "Stream.synchronize",
        1,
        "that is what it does",
        lambda g: torch.cuda.current_stream().synchronize(),
    ),
    Construct(
        "accelerator.synchronize",
        1,
        "that is what it does",
        lambda g: torch.accelerator.synchronize(),
    ),
    Construct("empty_cache", 1, "cudaFree waits", lambda g: torch.cuda.empty_cache()),
    Construct(
        "memory_allocated", 0, "the allocator knows", lambda g: torch.cuda.memory_allocated()
    ),
    Construct(
        "record_stream",
        0,
        "a note for the allocator",
        lambda g: g.x.record_stream(torch.cuda.current_stream()),
    ),
]


def _clip_checked(g: Given) -> None:
    p = nn.Parameter(g.x.clone())
    p.grad = torch.ones_like(p)
    nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)


CONSTRUCTS = [*FIRST, *READS, *COPIES, *OPERATORS, *RANDOM, *TRAINING, *STREAMS]
