"""PFL905 stale-baseline-entry."""

from ..finding import Severity
from ..meta_rule import MetaRule


class StaleBaselineEntry(MetaRule):
    """An entry of the baseline for which nothing is found any more.

    ## Why it matters
    Left where it is, it would hide the same mistake should somebody make it again.

    ## Instead
    `perflint check --update-baseline` takes out what is no longer found, and puts nothing in.

    ## When it is fine
    It is a note, shown with `--min-severity info`; otherwise one line says how many there are. Only
    entries are judged whose files and rules this run has checked.
    """

    code = "PFL905"
    severity = Severity.INFO

    # Baselines, held against a project in which the finding "8d0f" is the only one.
    VALID = (
        """
        {"version": 1, "findings": [
          {"path": "train.py", "code": "PFL101", "fingerprint": "8d0f"}
        ]}
        """,
        """
        {"version": 1, "findings": []}
        """,
        """
        {"version": 1, "findings": [
          {"path": "train.py", "code": "PFL101", "fingerprint": "8d0f", "message": "it waits"}
        ]}
        """,
    )
    INVALID = (
        """
        {"version": 1, "findings": [
          {"path": "train.py", "code": "PFL101", "fingerprint": "8d0f"},
          {"path": "train.py", "code": "PFL104", "fingerprint": "2c7a"}  # <-
        ]}
        """,
        """
        {"version": 1, "findings": [
          {"path": "gone.py", "code": "PFL101", "fingerprint": "771b"}  # <-
        ]}
        """,
    )
