"""The actions that our workflows use, each by the hash of a commit. Pure data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pin:
    """An action OWNER/NAME at a commit; `version` is the tag that names this commit, for people."""

    action: str
    commit: str
    version: str

    def __str__(self) -> str:
        return f"{self.action}@{self.commit} # {self.version}"


# From 7.0.0 on it refuses to check out a fork's code where a token may write.
CHECKOUT = Pin("actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1")
SETUP_PYTHON = Pin("actions/setup-python", "5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0")
UPLOAD = Pin("actions/upload-artifact", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0")
