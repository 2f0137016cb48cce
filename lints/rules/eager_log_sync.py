"""PFL106 eager-log-sync."""

import ast
from collections.abc import Iterable

import libcst as cst

from ..facts import Facts
from ..shown import Sink
from ..sync_rule import SyncRule, shown_tensor


class EagerLogSync(SyncRule):
    """A tensor is made into text for a log (`log.debug(f"{loss}")`) in every step.

    ## Why it is slow
    The text is made before the logger looks at its level, so the CPU waits for the GPU in every
    step even where nothing is logged.

    ## Instead
    Log every N steps. Or leave the formatting to the logger: `log.debug("%s", loss.detach())` costs
    nothing where the level is off.

    ## When it is fine
    Every N steps, below `if log.isEnabledFor(...)`, on error paths, and where the values are Python
    numbers already. `.item()` in the arguments is `item-in-hot-path`.

    ## Source
    A review of openvdb/fvdb-core, pull request 308: the text of `logging.debug` is "evaluated on
    every step regardless of level".
    """

    code = "PFL106"
    tokens = ("log",)
    preview = True

    VALID = (
        """
        import logging
        import torch
        log = logging.getLogger(__name__)
        for step, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            log.debug("loss %s", loss.detach())
            log.info(f"{step} {x.shape}")
            if step % 50 == 0:
                log.info(f"loss {loss}")  # <- info
            if log.isEnabledFor(logging.DEBUG):
                log.debug(f"loss {loss}")  # <- info
        """,
        """
        import logging
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            if not torch.isfinite(loss):
                logging.error(f"loss {loss}")
                break
            loss.backward()
            optimizer.step()
            logging.info(f"loss {loss.item()}")
        logging.info(f"loss {loss}")
        """,
        """
        import torch
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            catalog.info(f"{x.shape} {loss.shape}")
            print(f"{loss}")
        """,
    )
    INVALID = (
        """
        import logging
        import torch
        log = logging.getLogger(__name__)
        for x, y in loader:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            log.debug(f"loss {loss}")  # <-
            logging.info("loss {:.4f}".format(loss))  # <-
            log.info("loss %.4f" % loss)  # <-
            log.info("loss " + str(loss))  # <-
        """,
        """
        import torch
        class Trainer:
            def train_step(self, x, y):
                loss = self.criterion(self.model(x), y)
                loss.backward()
                self.optimizer.step()
                self.logger.info(f"loss {loss.detach()}")  # <-
        """,
    )

    @classmethod
    def wanted(cls, facts: Facts) -> Iterable[ast.AST]:
        """Return the calls of loggers."""
        return facts.shown.calls(Sink.LOG)

    def visit_Call(self, node: cst.Call) -> None:
        """Flag `"{}".format(x)` and `str(x)` in the arguments of a logger."""
        self._text(node)

    def visit_FormattedString(self, node: cst.FormattedString) -> None:
        """Flag `f"{x}"` in the arguments of a logger."""
        self._text(node)

    def visit_ConcatenatedString(self, node: cst.ConcatenatedString) -> None:
        """Flag `"x = " f"{x}"` in the arguments of a logger."""
        self._text(node)

    def visit_BinaryOperation(self, node: cst.BinaryOperation) -> None:
        """Flag `"%s" % x` in the arguments of a logger."""
        self._text(node)

    def _text(self, node: cst.BaseExpression) -> None:
        found = self.facts.counterpart(node)
        if found is None or self.facts.shown.around(found) is not Sink.LOG:
            return
        if not self.facts.shown.is_whole(found):
            return
        if value := shown_tensor(self.facts, self.facts.shown.as_text(found)):
            message = "making a tensor into text for a log waits for the device"
            self.says(node, value, message)
