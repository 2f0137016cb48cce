"""PFL802 create-then-move."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import keyword_argument, with_argument, with_arguments
from ..factories import Moved
from ..facts import Facts
from ..finding import Severity
from ..new_tensors import Made
from ..rule import Cost, Invalid, Rule

_MOVES = ("cuda", "to", "type_as")


class CreateThenMove(Rule):
    """A tensor is made on the host and then moved: `torch.zeros(n).to(device)`.

    ## Why it is slow
    The host fills the memory, and the copy from there (pageable memory, so by way of a buffer of
    the driver's) makes the CPU wait. On the device, one small kernel does it, and nobody waits.

    ## Instead
    Let the factory make it there: `torch.zeros(n, device=device)`.

    What is the same in every step belongs into a buffer (`self.register_buffer("grid", grid)`),
    which moves with its module; an attribute that is no buffer stays on the host. A list of
    numbers that comes of the data belongs into the collate function, and goes with the batch.

    ## When it is fine
    Once, at the start of a program: there it is only `info`. Where the numbers must be those of the
    host's random generator. Tensors with `pin_memory=True`, with a `device` of their own or with a
    `generator` are left alone, and so are files that set the default device.

    ## Fix safety
    Safe for `zeros`, `ones`, `full`, `eye`, `empty`, `tensor` and `arange(n)`. Unsafe for random
    numbers, which the device draws from another generator, for `linspace`, which it rounds in its
    own way, and for tensors that ask for gradients, which then are leaves on the device.

    ## Source
    PyTorch's performance tuning guide, "Create tensors directly on the target device".
    """

    code = "PFL802"
    cost = Cost.COPY
    tokens = (".cuda(", ".to(", ".type_as(")
    hot_only = False
    needs_accelerator = True

    VALID = (
        """
        import torch
        def forward(x):
            a = torch.zeros(3, device=x.device)
            b = torch.zeros(3).to(torch.float16)
            c = torch.zeros(3).to("cpu")
            d = torch.zeros(3).to(dtype)
            e = make(3).cuda()
            f = torch.zeros(3, pin_memory=True).cuda(non_blocking=True)
            g = torch.randn(3, generator=g).to(device)
            h = torch.zeros(3, **options).to(device)
            i = torch.from_numpy(x).to(device)
            j = torch.as_tensor(x).to(device)
            k = torch.tensor([]).to(device)
            l = torch.zeros(0, 3).to(device)
            m = torch.FloatTensor(x).to(device)
        """,
        """
        import torch
        class Model(Base):
            def training_step(self, batch, _):
                device = self.get_device(batch)
                self.log("reward", torch.tensor(self.reward).to(device))
        """,
        """
        import torch
        torch.set_default_device("cuda")
        mask = torch.ones(3).cuda()
        """,
        """
        import torch
        device = torch.device("cpu")
        mask = torch.ones(3).to(device)
        rate = user.to("x")
        """,
        """
        from elsewhere import zeros
        import torch
        mask = zeros(3).to(device)
        """,
        """
        import numpy as np
        import torch
        class Net(torch.nn.Module):
            def __init__(self, table):
                super().__init__()
                self.seen = np.zeros(3)
                self.register_buffer("table", torch.from_numpy(table).cuda())
                self.weight = torch.nn.Parameter(torch.zeros(3))
                self.steps = torch.arange(3)
                self.out = torch.nn.Linear(3, 3)

            def forward(self, x, names):
                self.seen = self.seen + len(names)
                seen = torch.from_numpy(self.seen).cuda()
                labels = torch.from_numpy(np.array(names)).to(x.device)
                filled = np.zeros(3)
                filled[:2] = names
                filled = torch.from_numpy(filled).cuda()
                nothing = torch.Tensor([]).type_as(x)
                self.steps = self.steps.to(x.device)
                used = torch.zeros(3)
                used.add_(1)
                later = used.unsqueeze(0)
                later = later.to(x.device)
                there = self.table.to(x.device) + self.weight.to(x.device) + self.out.to(x.device)
                ids = torch.LongTensor(self.lookup(names)).to(x.device)
                return x * self.table + seen + labels + ids
        """,
        """
        import torch
        from torch import nn
        def grid(height, width, device):
            return torch.arange(height * width, device=device)
        def read(path):
            return torch.tensor(decode(path)) + torch.zeros(3)
        def weigh(parts):
            return torch.ones(3) * parts
        class Net(nn.Module):
            def forward(self, x, parts):
                a = grid(x.shape[0], x.shape[1], x.device).to(x.dtype)
                b = read("table.png").to(x.device)
                return x + a + b + weigh(parts).to(x.device)
        """,
        """
        import torch
        from torch import nn
        def window(size):
            return torch.ones(1, 1, size, size)
        class Blur(nn.Module):
            def forward(self, x):
                if self.window is None or self.size != x.shape[1]:
                    self.window = window(x.shape[1]).to(x.device)
                    self.size = x.shape[1]
                if x.shape[1] == self.channels:
                    kernel = self.kernel
                else:
                    kernel = window(x.shape[1]).to(x.device)
                    self.kernel = kernel
                    self.channels = x.shape[1]
                return x * self.window * kernel
        """,
        """
        import torch
        from torch import nn
        class Codec(nn.Module):
            def forward(self, x):
                return self.by_tiles(x) if self.use_tiling else self.layers(x)

            def by_tiles(self, x):
                ramp = torch.linspace(0, 1, x.shape[-1])
                return x * ramp.to(x.device)
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            for x, y in loader:
                mask = torch.ones(x.shape[0]).cuda()  # <-
                steps = torch.arange(9).unsqueeze(0).to(x.device)  # <-
                noise = torch.randn(3, 4).to(device, torch.float16)  # <-
                weight = torch.tensor([1.0, 2.0]).to(device=device, dtype=x.dtype)  # <-
                hidden = torch.zeros(3).type_as(y)  # <-
                loss = criterion(model(x, mask), y)
                loss.backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            for x, y in loader:
                mask = torch.ones(x.shape[0], device="cuda")  # <-
                steps = torch.arange(9, device=x.device).unsqueeze(0)  # <-
                noise = torch.randn(3, 4, device=device).to(torch.float16)  # <-
                weight = torch.tensor([1.0, 2.0], device=device).to(dtype=x.dtype)  # <-
                hidden = torch.zeros(3, device=y.device).type_as(y)  # <-
                loss = criterion(model(x, mask), y)
                loss.backward()
                optimizer.step()
            """,
        ),
        Invalid(
            """
            import torch as th
            class Net(th.nn.Module):
                def forward(self, x):
                    return x + self.shift(x)

                def shift(self, x):
                    return th.zeros(x.shape[0], 1).cuda(x.get_device())  # <-
            """,
            fixed="""
            import torch as th
            class Net(th.nn.Module):
                def forward(self, x):
                    return x + self.shift(x)

                def shift(self, x):
                    return th.zeros(x.shape[0], 1, device=x.get_device())  # <-
            """,
        ),
        Invalid(
            """
            import torch
            from torch.autograd import Variable
            for x in loader:
                mask = Variable(torch.ones(3)).cuda()  # <-
                model(x, mask).mean().backward()
                optimizer.step()
            """,
            fixed="""
            import torch
            from torch.autograd import Variable
            for x in loader:
                mask = Variable(torch.ones(3, device="cuda"))  # <-
                model(x, mask).mean().backward()
                optimizer.step()
            """,
        ),
        """
        import torch
        for x in loader:
            old = torch.FloatTensor(3, 4).cuda()  # <-
            older = torch.Tensor(size).normal_().cuda()  # <-
            model(x, old, older).mean().backward()
            optimizer.step()
        """,
        """
        import numpy as np
        import torch
        from torch import nn
        WEIGHTS = [0.3, 0.7]
        class Head(nn.Module):
            def __init__(self, anchors):
                super().__init__()
                self.anchors = anchors

            def forward(self, x, config):
                balance = nn.CrossEntropyLoss(torch.Tensor(WEIGHTS).cuda())  # <-
                lengths = []
                for row in x:
                    lengths.append(row.shape[0])
                ends = torch.LongTensor(lengths).to(x.device)  # <-
                anchors = torch.from_numpy(self.anchors.astype(np.float32)).cuda()  # <-
                sizes = config.sizes
                sizes = torch.as_tensor(sizes).to(x.device)  # <-
                places = torch.from_numpy(np.arange(x.shape[1])).to(x.device)  # <-
                return balance(x * anchors, sizes) + self.shift(x, self.anchors) + ends + places

            def shift(self, x, anchors):
                return x + torch.FloatTensor(anchors).to(x.device)  # <-
        """,
        """
        import math
        import torch
        from torch import nn
        def bell(size, width):
            values = torch.tensor([math.exp(-(i**2) / width) for i in range(size)])
            return values / values.sum()
        def window(size, channels):
            line = bell(size, 1.5).unsqueeze(1)
            return line.mm(line.t()).expand(channels, 1, size, size).contiguous()
        def blur(image, size=11):
            kernel = window(size, image.size(1))
            if image.is_cuda:
                kernel = kernel.cuda(image.get_device())  # <-
            return nn.functional.conv2d(image, kernel)
        class Net(nn.Module):
            def forward(self, x):
                places = self.places(*x.shape[-2:]).to(x.device)  # <-
                return blur(x) + places + self.lengths(x, 9)

            def lengths(self, sizes, most):
                steps = torch.arange(0, 9).long()
                all_steps = steps.unsqueeze(0).expand(4, 9)
                if sizes.is_cuda:
                    all_steps = all_steps.cuda()  # <-
                return all_steps < sizes

            def places(self, height, width):
                rows, columns = torch.arange(height).float(), torch.arange(width).float()
                return torch.stack(torch.meshgrid(rows, columns), dim=-1)
        """,
        """
        import torch
        from torch import nn
        class Positions(nn.Module):
            def __init__(self, size, length):
                super().__init__()
                table = torch.zeros(length, size)
                table[:, 0::2] = torch.sin(torch.arange(length).unsqueeze(1) / 9.0)
                self.table = table.unsqueeze(0)
                self.grid = torch.linspace(0, 1, size)

            def forward(self, x):
                x = x + self.table[:, : x.shape[1]].to(x.device)  # <-
                return x * self.grid.detach().repeat(x.shape[0], 1).to(x.device)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls that move something."""
        yield from (c for c in facts.syntax.calls_to(*_MOVES) if _moved(facts, c))
        yield from (c for c in facts.syntax.calls if facts.factories.moved_later(c))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag the call that moves what a factory makes, or the factory where that is apart."""
        call = self.facts.call(node)
        if call is None or self.facts.is_test_code:
            return
        moved = self.facts.factories.moved_later(call)
        later = moved is not None
        if isinstance(node.func, cst.Attribute) and node.func.attr.value in _MOVES:
            moved = moved or _moved(self.facts, call)
        if moved is None:
            return
        hot = self.facts.hot(node)
        if (moved.like is not None or later or not moved.made.direct) and hot is None:
            return  # whose device that is, and how often, only a training step tells
        self.report(
            node,
            _message(moved.made),
            why=hot.why if hot else None,
            severity=self.facts.severity(self.severity, hot) if hot else Severity.INFO,
            fix=_made_there(node, like=moved.like is not None) if moved.made.fixable else None,
            safe=moved.made.exact,
        )


def _message(made: Made) -> str:
    if made.kept:
        return f"`{made.name}` lies on the host, and is copied to the device each time"
    return f"`{made.name}` makes on the host what is then copied to the device"


def _moved(facts: Facts, move: ast.Call) -> Moved | None:
    """Return what a call moves; of what a factory of torch made before, the factory is told."""
    if moved := facts.factories.moved(move):
        return moved
    moved = facts.factories.moved_by_name(move)
    return None if moved is None or moved.made.direct else moved


def _made_there(move: cst.Call, *, like: bool) -> cst.BaseExpression | None:
    """Return the factory with `device=`, without the move, or with what is left of it."""
    func = cst.ensure_type(move.func, cst.Attribute)
    method, args = func.attr.value, list(move.args)
    if any(arg.star for arg in args):
        return None
    if method == "type_as" or like:
        device: cst.BaseExpression = cst.Attribute(args[0].value, cst.Name("device"))
        made = _with_device(func.value, device)
        return move.with_changes(func=func.with_changes(value=made))
    named = next((arg for arg in args if arg.keyword and arg.keyword.value == "device"), None)
    given = named or next((arg for arg in args if not arg.keyword), None)
    device = given.value if given else cst.SimpleString('"cuda"')
    made = _with_device(func.value, device)
    dropped = ("non_blocking", "device")
    rest = [a for a in args if a is not given and not (a.keyword and a.keyword.value in dropped)]
    if not rest:
        return made
    return with_arguments(move, rest).with_changes(func=func.with_changes(value=made))


def _with_device(made: cst.BaseExpression, device: cst.BaseExpression) -> cst.BaseExpression:
    """Give the innermost call of a chain of calls the argument `device=`."""
    call = cst.ensure_type(made, cst.Call)
    if isinstance(call.func, cst.Name | cst.Attribute) and _last(call.func) == "Variable":
        inner = _with_device(call.args[0].value, device)
        return call.with_changes(args=[call.args[0].with_changes(value=inner), *call.args[1:]])
    if isinstance(call.func, cst.Attribute) and isinstance(call.func.value, cst.Call):
        inner = _with_device(call.func.value, device)
        return call.with_changes(func=call.func.with_changes(value=inner))
    return with_argument(call, keyword_argument("device", device))


def _last(func: cst.Name | cst.Attribute) -> str:
    return func.value if isinstance(func, cst.Name) else func.attr.value
