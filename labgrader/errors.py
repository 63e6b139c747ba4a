"""Every error that labgrader raises on purpose.

Each carries one line on what happened and, where there is one, the next step. Only the CLI prints
them and turns them into exit codes; the classes carry the code so that there is one place to look.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """Exit codes of the ``labgrader`` command (docs: contract, "Exit codes")."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNJUDGED = 3
    FAULT = 4
    INTERRUPTED = 130


class Cause(StrEnum):
    """Why something could not be judged."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    FORBIDDEN = "forbidden"
    CAPABILITY = "capability"
    INTERNAL = "internal"


class LabError(Exception):
    """An expected error.

    Args:
        message: what happened and where, one line, no trailing full stop.
        next_step: what the reader can do about it, one line.
    """

    exit_code = ExitCode.FAULT

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        """The whole error as one line."""
        return f"{self.message}. {self.next_step}" if self.next_step else self.message


class UsageError(LabError):
    """The command line, or a choice made with it, does not make sense."""

    exit_code = ExitCode.USAGE


class ContentError(LabError):
    """A content file (tasks, checks, solutions) is wrong; names file and line."""

    exit_code = ExitCode.USAGE


class MachineError(LabError):
    """The machine lacks what any command needs: space on a disk, open files, loopback."""


class ReportError(LabError):
    """A report cannot be written."""


class ProviderError(LabError):
    """A cluster could not be started, stopped or looked at."""


class ClusterError(LabError):
    """The API could not be asked. Never the learner's fault; ``cause`` says why."""

    exit_code = ExitCode.UNJUDGED
    cause: Cause = Cause.INTERNAL


class Unreachable(ClusterError):
    """No answer: connection refused, reset, TLS failure, or a half-dead server."""

    cause = Cause.UNREACHABLE


class TimedOut(ClusterError):
    """No answer within the deadline."""

    cause = Cause.TIMEOUT


class Unsettled(TimedOut):
    """The cluster is still working on a change: ask again in a moment, judge nothing now."""


class Forbidden(ClusterError):
    """401 or 403: these credentials may not ask that."""

    cause = Cause.FORBIDDEN


class MissingCapability(ClusterError):
    """The cluster cannot show this, e.g. logs on simulated nodes."""

    cause = Cause.CAPABILITY


class CheckNotLoaded(ClusterError):
    """The file that declares a check cannot be loaded: the lab's fault, not the learner's."""


class QuotaExceeded(ClusterError):
    """A ResourceQuota or LimitRange has no room for what labgrader itself would create."""

    cause = Cause.CAPABILITY


class WebhookFailed(ClusterError):
    """A webhook of the cluster does not do its work, and so a request cannot be answered.

    Args:
        name: of the webhook, or what a conversion webhook converts.
        groups: the API groups that the webhook is configured for, as far as that is known.
    """

    cause = Cause.UNREACHABLE

    def __init__(
        self, name: str, message: str, next_step: str, groups: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, next_step)
        self.name = name
        self.groups = groups


class Rejected(LabError):
    """The API server answered and refused the object, in a ``Status`` (4xx).

    Args:
        message: the server's own message, one line.
        status: HTTP status code.
        reason: the machine-readable reason of the ``Status`` object, e.g. ``Invalid``.
        fields: field paths which the server named (``details.causes[].field``).
    """

    def __init__(
        self, message: str, *, status: int, reason: str = "", fields: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.fields = fields
