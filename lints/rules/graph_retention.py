"""PFL601 graph-retention."""

import ast
from collections.abc import Iterable, Iterator

import libcst as cst

from ..facts import Facts
from ..finding import Severity
from ..outside import Place
from ..rule import Invalid, Rule


class GraphRetention(Rule):
    """A loss or an output is kept across steps together with its autograd graph.

    ## Why it is slow
    `total += loss` makes `total` part of the graph of every step so far. None of them can be freed:
    memory grows with each step, the allocator works harder, and in the end training stops for want
    of memory.

    ## Instead
    `total += loss.detach()`, `outputs.append(out.detach())`.

    ## When it is fine
    Where the sum is what `backward()` is called on, as in backpropagation through time, and where
    it starts anew in each step. Both are left alone.

    ## Source
    The FAQ of PyTorch, "My model reports out of memory": "Don't accumulate history across your
    training loop"; AutoTimes issue 21; pytracking issue 313.

    ## Fix safety
    Safe where the sum stays in the function. Where it is returned or kept on an object, somebody
    else may call `backward()` on it: then the fix is unsafe.
    """

    code = "PFL601"
    tokens = ("+=", ".append(", " + ")
    severity = Severity.ERROR

    VALID = (
        """
        import torch
        total = torch.zeros((), device="cuda")
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.detach()
            losses.append(loss.item())
            sums = sums + loss.detach()
        """,
        """
        import torch
        for x, y in loader:
            total_loss = 0
            for head in heads:
                loss = criterion(head(x), y)
                total_loss += loss
            total_loss.backward()
            optimizer.step()
        """,
        """
        import torch
        for x, y in loader:
            total = 0
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss
        """,
        """
        import torch
        for x, y in loader:
            parts = []
            out = model(x)
            parts.append(out)
            losses.append(criterion(out, y))
            loss = torch.stack(losses).sum()
            loss.backward()
            optimizer.step()
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                total += model(x).mean()
                score = torch.softmax(loss, 0)
            scores.append(score)
            meter.update(loss)
            seen += len(x) + x.shape[0]
            right += (model(x).argmax(1) == y).sum()
        """,
        """
        import torch
        from torch import nn
        class Decoder(nn.Module):
            def forward(self, x):
                for part in x:
                    weights = self.attend(part).softmax(-1)
                    self.total += weights
        """,
        """
        import torch
        for x, y in loader:
            loss, sample_size, logged = criterion(model, x)
            engine.backward(loss)
            optimizer.step()
            count += sample_size
        """,
        """
        from collections import deque
        import torch
        recent = deque(maxlen=10)
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            recent.append(loss)
        """,
    )
    INVALID = (
        Invalid(
            """
            import torch
            def train(loader, model, optimizer):
                total = 0.0
                history = []
                for x, y in loader:
                    loss = criterion(model(x), y)
                    loss.backward()
                    optimizer.step()
                    total += loss  # <-
                    history.append(loss)  # <-
                print(total / len(loader))
            """,
            fixed="""
            import torch
            def train(loader, model, optimizer):
                total = 0.0
                history = []
                for x, y in loader:
                    loss = criterion(model(x), y)
                    loss.backward()
                    optimizer.step()
                    total += loss.detach()  # <-
                    history.append(loss.detach())  # <-
                print(total / len(loader))
            """,
        ),
        Invalid(
            """
            import torch
            logs = {"loss": 0}
            for x, y in loader:
                out = model(x.cuda())
                loss = torch.nn.functional.mse_loss(out, y.cuda())
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                logs["loss"] += 2 * loss  # <-
                mean = mean + loss / 3  # <-
            """,
            fixed="""
            import torch
            logs = {"loss": 0}
            for x, y in loader:
                out = model(x.cuda())
                loss = torch.nn.functional.mse_loss(out, y.cuda())
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                logs["loss"] += (2 * loss).detach()  # <-
                mean = mean + (loss / 3).detach()  # <-
            """,
        ),
        Invalid(
            """
            import torch
            class Trainer:
                def step(self, x, y):
                    loss = self.criterion(self.model(x), y)
                    self.optimizer.zero_grad()
                    loss.backward()
                    self.optimizer.step()
                    self.total += loss  # <-
            """,
            fixed="""
            import torch
            class Trainer:
                def step(self, x, y):
                    loss = self.criterion(self.model(x), y)
                    self.optimizer.zero_grad()
                    loss.backward()
                    self.optimizer.step()
                    self.total += loss.detach()  # <-
            """,
        ),
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return what adds something with a graph to a sum or a list."""
        return (node for node, added in _additions(facts) if _keeps_graph(facts, added))

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        """Flag `total += loss`."""
        if isinstance(node.operator, cst.AddAssign):
            self._check(node.target, node.value)

    def visit_Assign(self, node: cst.Assign) -> None:
        """Flag `total = total + loss`."""
        added = node.value
        if len(node.targets) != 1 or not isinstance(added, cst.BinaryOperation):
            return
        target = node.targets[0].target
        if isinstance(added.operator, cst.Add) and target.deep_equals(added.left):
            self._check(target, added.right)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `losses.append(loss)`."""
        if not isinstance(node.func, cst.Attribute) or node.func.attr.value != "append":
            return
        if len(node.args) == 1:
            self._check(node.func.value, node.args[0].value)

    def _check(self, kept: cst.BaseExpression, added: cst.BaseExpression) -> None:
        found = self.facts.counterpart(added)
        hot = self.facts.hot(added)
        if found is None or hot is None or not _keeps_graph(self.facts, found):
            return
        value = self.facts.value(added)
        if not self.facts.outlives_step(kept):
            return
        if self.facts.without_grad(added) or self.facts.feeds_backward(kept):
            return
        detached = cst.Call(cst.Attribute(_parenthesized(added), cst.Name("detach")))
        self.report(
            added,
            "the graph of every step is kept",
            why=hot.why,
            confidence=value.confidence,
            fix=detached,
            safe=not self.facts.escapes(kept),
        )


def _additions(facts: Facts) -> Iterator[tuple[ast.AST, ast.expr]]:
    """Yield what may add something, with what that is."""
    for call in facts.syntax.calls_to("append"):
        yield from ((call, arg) for arg in (*call.args, *(k.value for k in call.keywords)))
    for augmented in facts.syntax.nodes(ast.AugAssign):
        if isinstance(augmented.op, ast.Add):
            yield augmented, augmented.value
    for assigned in facts.syntax.nodes(ast.Assign):
        if isinstance(assigned.value, ast.BinOp) and isinstance(assigned.value.op, ast.Add):
            yield assigned, assigned.value.right


def _keeps_graph(facts: Facts, added: ast.expr) -> bool:
    hot = facts.regions.hot(added)
    # What a module keeps from call to call is its own affair: mostly another method resets it.
    if hot is None or hot.place is Place.FORWARD:
        return False
    value = facts.dataflow.value(added)
    return value.on_device and value.grad


def _parenthesized(node: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(node, cst.Name | cst.Attribute | cst.Call | cst.Subscript) or node.lpar:
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
