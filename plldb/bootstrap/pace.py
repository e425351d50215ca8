"""Every time that bootstrap waits for, as one value. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from plldb.aws.pace import RequestPace


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace(RequestPace):
    """How long bootstrap waits, in seconds; what it waits for with every request is that of `RequestPace`.

    Attributes:
        versioning_for: for versioning to be in force that was turned on. The S3 user guide says to wait 15
            minutes ("Enabling versioning on buckets"); mostly it takes less than a second.
        notice_after: for a bucket name that S3 has not released yet, before that is told.
        poll: between two reads of the stack events while things happen.
        poll_eager: the same when every known resource has finished and only the stack is awaited.
        poll_quiet: the same at most when nothing happens; with the request itself below 5 s.
        poll_troubled: the same at most while AWS throttles or fails the reads.
        quiet_after: without an event for so long, polling slows down.
        last_read: for the last read of the events, after the end of the operation.
        unknown_for: after an accepted request, how long "does not exist" means "not yet": CloudFormation's
            reads may not know a new stack for some seconds.
        stall_after: without an event for so long, the status of the stack itself is read.
    """

    versioning_for: float = 900.0
    notice_after: float = 5.0
    poll: float = 1.0
    poll_eager: float = 0.4
    poll_quiet: float = 4.0
    poll_troubled: float = 15.0
    quiet_after: float = 10.0
    unknown_for: float = 30.0
    stall_after: float = 30.0
    last_read: float = 30.0


DEFAULT_PACE = Pace()
