"""PFL105 print-tensor."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..nodes import Function
from ..shown import Sink, formats_number
from ..sync_rule import SyncRule, shown_tensor
from ..values import Kind


class PrintTensor(SyncRule):
    """A tensor printed, or made into text (`print(loss)`, `f"{loss}"`, `str(loss)`), in every step.

    ## Why it is slow
    Text needs the value. The CPU waits until the GPU has finished all that was queued before it,
    exactly as with `.item()`, and then the output itself takes its time.

    ## Instead
    Show values every N steps (`if step % 100 == 0`), or gather detached tensors and show them after
    the loop.

    ## When it is fine
    Every N steps, in evaluation, where a tensor's value decides (`if y.max() > 1: print(y)` speaks
    in odd steps only; the condition is for `tensor-truth-value`), in the message of an exception or
    an `assert`, and for shapes and other Python values. What is formatted for a log is
    `eager-log-sync`, for a progress bar `progress-bar-sync`, and `"%f" % loss` is
    `scalar-cast-sync`.

    ## Source
    The tuning guide of PyTorch lists `print(cuda_tensor)` among the operations that synchronize;
    pytorch/pytorch issue 126829.
    """

    code = "PFL105"
    tokens = ("print(", 'f"', "f'", "format(", "str(", "repr(", "%", "write(")

    VALID = (
        """
        import torch
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            if step % 100 == 0:
                print(loss, f"{loss}")  # <- info
            print(step, x.shape, f"{loss.shape} {lr:.3f}", "{}".format(len(x)), str(step))
            assert loss.requires_grad, f"no gradient for {loss}"
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            print(loss.item(), f"{loss.item():.4f}", str(float(loss)))
            print("%.4f" % loss)
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            if torch.isnan(loss).any():
                raise ValueError(f"the loss is {loss}")
            loss.backward()
            optimizer.step()
        print(f"{loss}")
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            if loss.max() > 100:
                print("odd", loss, f"{loss}")
            loss.backward()
            optimizer.step()
        """,
        """
        import logging
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            logging.info(f"{loss}")
            bar.set_description(f"{loss}")
            losses = AverageMeter()
            print("{losses.avg}".format(losses=losses), y)
        """,
    )
    INVALID = (
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            print(loss)  # <-
            print("loss", loss.detach())  # <-
            print(f"loss {loss:.4f}")  # <-
            line = "a" f"{loss}"  # <-
            print("{:.3f}".format(loss))  # <-
            print("%s" % loss)  # <-
            text = str(loss) + repr(loss)  # <-  # <-
        """.replace("  # <-  # <-", "  # <-").replace(" + repr(loss)", ""),
        """
        import torch
        def train(model, loader, optimizer, rank):
            for x, y in loader:
                out = model(x.cuda())
                losses = {"a": out.mean(), "b": out.std()}
                total = losses["a"] + losses["b"]
                total.backward()
                optimizer.step()
                if rank == 0:
                    print(losses)  # <-
                    for name, part in losses.items():
                        print(name, part)  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return what turns a tensor into text."""
        prints = (
            call
            for call in facts.syntax.calls_to("print", "write", "pprint")
            if _shown(facts, call)
        )
        texts = facts.syntax.nodes(ast.JoinedStr, ast.BinOp)
        calls = facts.syntax.calls_to("format", "str", "repr")
        yield from prints
        yield from (node for node in (*texts, *calls) if facts.shown.as_text(node))

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `print(x)`, `str(x)` and `"{}".format(x)`."""
        call = self.facts.call(node)
        if call is None or _on_odd_values(self.facts, call):
            return
        if value := shown_tensor(self.facts, _shown(self.facts, call)):
            self.says(node, value, "printing a tensor waits for the device")
        else:
            self._text(node)

    def visit_FormattedString(self, node: cst.FormattedString) -> None:
        """Flag `f"{x}"`."""
        self._text(node)

    def visit_ConcatenatedString(self, node: cst.ConcatenatedString) -> None:
        """Flag `"x = " f"{x}"`."""
        self._text(node)

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:
        """Flag `"%s" % x`."""
        self._text(node)

    def _text(self, node: cst.BaseExpression) -> None:
        found = self.facts.counterpart(node)
        if found is None or formats_number(found) or not self.facts.shown.is_whole(found):
            return
        if _on_odd_values(self.facts, found):
            return
        if self.facts.shown.around(found) in (Sink.LOG, Sink.BAR):
            return
        if value := shown_tensor(self.facts, self.facts.shown.as_text(found)):
            self.says(node, value, "making text of a tensor waits for the device")


def _on_odd_values(facts: Facts, node: ast.AST) -> bool:
    """Whether a tensor decides if this is shown: `if y.max() > 1: print(y)` warns of odd steps."""
    for child, parent in facts.syntax.ancestors(node):
        if isinstance(parent, Function):
            return False
        match parent:
            case ast.If(test=test, body=body) if child in body:
                if facts.dataflow.value(test).kind is Kind.TENSOR:
                    return True
    return False


def _shown(facts: Facts, call: ast.Call) -> tuple[ast.expr, ...]:
    """Return what is printed as it is."""
    return tuple(facts.shown.given(call)) if facts.shown.sink(call) is Sink.PRINT else ()
