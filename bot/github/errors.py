"""What can go wrong with a request to GitHub; each message says why and what to do about it."""

from ... import PerflintError


class GitHubError(PerflintError):
    """GitHub did not do what we asked for."""


class NotAllowedError(GitHubError):
    """The token is not accepted, or may not do this."""


class NotAcceptedError(NotAllowedError):
    """GitHub does not know the token: it has ended, was taken back, or is not known yet."""


class LockedError(NotAllowedError):
    """The conversation of the pull request is locked."""


class NotFoundError(GitHubError):
    """There is no such thing, or the token may not see it."""


class GoneError(NotFoundError):
    """What was to be answered is not there: it was taken back, or GitHub does not show it yet."""


class UnavailableError(GitHubError):
    """GitHub failed, was silent, or asked us to wait for too long."""


class UnclearError(UnavailableError):
    """Something may or may not have been written: look again before writing it once more."""


class RefusedError(GitHubError):
    """What GitHub has for us is not taken: too large, or not what it has recorded of it."""


class WaitedError(UnclearError):
    """GitHub asked us to wait and we did: look again, since others may have written meanwhile."""
