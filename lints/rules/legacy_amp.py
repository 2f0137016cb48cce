"""PFL303 legacy-amp."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..arguments import keyword_argument, with_argument, with_first_argument
from ..facts import Facts
from ..finding import Confidence, Severity
from ..nodes import keyword
from ..rule import Invalid, Rule


class LegacyAmp(Rule):
    """`autocast` or `GradScaler` of `torch.cuda.amp`, which torch 2.4 has deprecated.

    ## Why it is slow
    It is hardly slow: each call goes through a wrapper that raises a FutureWarning first. The old
    `autocast` always casts to float16, also where bfloat16 would need no scaler.

    ## Instead
    `torch.amp.autocast("cuda", ...)` and `torch.amp.GradScaler("cuda", ...)`.

    ## When it is fine
    Where the code must run with a torch older than 2.3, which has no `torch.amp.GradScaler`.

    ## Fix safety
    Safe for `autocast`: the data type that the old class takes by default is written out, so that
    results stay the same. Unsafe for `GradScaler`, whose new name needs torch 2.3.

    ## Source
    `torch/cuda/amp/autocast_mode.py` and `grad_scaler.py` of torch 2.4 and later.
    """

    code = "PFL303"
    tokens = ("amp",)
    severity = Severity.INFO
    hot_only = False
    since = (2, 4)

    VALID = (
        """
        import torch
        with torch.autocast("cuda", dtype=torch.bfloat16):
            out = model(x)
        # not torch.cuda.amp
        """,
        """
        import torch
        scaler = torch.amp.GradScaler("cuda")  # was torch.cuda.amp
        """,
        """
        import torch
        new = torch.__version__ >= "2.4"
        scaler = torch.amp.GradScaler("cuda") if hasattr(torch.amp, "GradScaler") else old(
            torch.cuda.amp.GradScaler()
        )
        """,
        """
        from apex.cuda.amp import autocast
        with autocast():
            out = model(x)
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            from torch.cuda.amp import GradScaler
            scaler = GradScaler(enabled=args.amp)  # <-
            with torch.cuda.amp.autocast(enabled=args.amp):  # <-
                out = model(x)
            """,
            fixed="""
            import torch
            from torch.cuda.amp import GradScaler
            scaler = torch.amp.GradScaler("cuda", enabled=args.amp)  # <-
            with torch.amp.autocast("cuda", enabled=args.amp, dtype=torch.float16):  # <-
                out = model(x)
            """,
        ),
        Invalid(
            """
            import torch
            with torch.cuda.amp.autocast(dtype=torch.bfloat16):  # <-
                out = model(x)
            """,
            fixed="""
            import torch
            with torch.amp.autocast("cuda", dtype=torch.bfloat16):  # <-
                out = model(x)
            """,
        ),
        """
        from torch.cuda.amp import autocast
        with autocast(False):  # <-
            out = model(x)
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of the old classes."""
        calls = facts.syntax.calls if facts.says("cuda") and facts.says_word("amp") else []
        return (call for call in calls if facts.precision.legacy(call))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag calls of what `torch.cuda.amp` defines."""
        call = self.facts.call(node)
        name = self.facts.precision.legacy(call) if call else None
        if call is None or name is None or self.facts.is_test_code:
            return
        message = f"`torch.cuda.amp.{name}` is deprecated since torch 2.4"
        fix = self._renamed(node, call, name)
        safe = name == "autocast"
        self.report(node, message, confidence=Confidence.PROVEN, fix=fix, safe=safe)

    def _renamed(self, node: cst.Call, call: ast.Call, name: str) -> cst.Call | None:
        # By place, the new class takes its arguments in another order.
        if not self.facts.says_torch or call.args or any(k.arg is None for k in call.keywords):
            return None
        new = cst.ensure_type(cst.parse_expression(f'torch.amp.{name}("cuda")'), cst.Call)
        fixed = with_first_argument(node, new.args[0]).with_changes(func=new.func)
        if name == "autocast" and keyword(call, "dtype") is None:
            half = cst.parse_expression("torch.float16")
            fixed = with_argument(fixed, keyword_argument("dtype", half))
        return fixed
