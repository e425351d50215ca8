"""What `watch`, `doctor` and `status` tell: they change nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from plldb.aws.place import Target
from plldb.bootstrap.events.setup import StackPart
from plldb.bootstrap.events.stack import Failure, Started, StreamEvent
from plldb.bootstrap.stack.statuses import StackStatus
from plldb.errors import Hint


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFinished:
    """Watch is done. ``status`` is that of the stack now, None if there is no stack."""

    kind: Literal["watch_finished"] = "watch_finished"
    stack_name: str
    status: StackStatus | None

    @property
    def outcome(self) -> Literal["watched"]:
        """The result in a word."""
        return "watched"


WatchEvent = StreamEvent | WatchFinished
"""What `watch` may yield."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the doctor found; ``check`` names what was examined.

    ``remedy`` is the way out, None if none is needed or known. What is only not there yet is "ok" and has one
    of the kind "set-up".
    """

    kind: Literal["finding"] = "finding"
    check: str
    verdict: Literal["ok", "warning", "problem", "unknown"]
    message: str
    remedy: Hint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFinished:
    """The examination is done; how many findings are problems, and how many warnings."""

    kind: Literal["doctor_finished"] = "doctor_finished"
    problems: int
    warnings: int

    @property
    def outcome(self) -> Literal["ready", "not_ready"]:
        """The result in a word: whether a setup can begin."""
        return "not_ready" if self.problems else "ready"


DoctorEvent = Started | Finding | DoctorFinished
"""What `doctor` may yield."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapStatus:
    """One look at what is deployed.

    ``deployed_version`` is the plldb version that the stack was made by; ``created`` and ``updated``
    are UTC; ``failures`` is what failed in the last operation and left the stack in its status, root cause
    first; ``missing`` is what somebody has deleted by hand, ``unexamined`` says why some parts could not be
    looked at; ``healthy`` says that the stack is there, made by plldb, whole and at rest, has its bucket, and
    that nothing is known to be missing.
    """

    kind: Literal["bootstrap_status"] = "bootstrap_status"
    target: Target
    stack_name: str
    stack_status: StackStatus | None
    status_reason: str
    made_by_plldb: bool
    installed_version: str
    deployed_version: str | None
    created: datetime | None
    updated: datetime | None
    outputs: Mapping[str, str]
    bucket: str
    bucket_exists: bool
    healthy: bool
    failures: tuple[Failure, ...] = ()
    missing: tuple[StackPart, ...] = ()
    unexamined: tuple[str, ...] = ()

    @property
    def outcome(self) -> Literal["healthy", "unhealthy", "not_deployed"]:
        """The result in a word."""
        if self.stack_status is None or not self.made_by_plldb:
            return "not_deployed"
        return "healthy" if self.healthy else "unhealthy"
