"""Every time that plldb waits for, as one value. Pure.

Time is a setting, so that tests and embedding programs choose it; no module sleeps a time of its own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long plldb waits, in seconds unless it says otherwise.

    Attributes:
        connect_timeout: for a connection to be made.
        read_timeout: for the answer to a request. CloudFormation and S3 answer control requests
            within about a second; nothing that plldb sends is long.
        attempts: how often a request is sent in all when the server fails or the connection breaks
            (a count).
        head_start: for the first requests to leave, before the next client is made; while a client is
            made, nothing else goes on.
        first_wait: longest wait before the second attempt; it doubles from there, with full jitter.
        longest_wait: longest wait between two attempts of one request.
        throttled_for: how long one request is repeated while AWS throttles it.
        versioning_for: how long an upload is repeated that S3 keeps no version of. It may take "a short
            amount of time" after versioning was turned on, says the S3 user guide, and 15 minutes at most.
        poll: between two reads of the stack events while things happen.
        poll_eager: the same when every known resource has finished and only the stack is awaited.
        poll_quiet: the same at most when nothing happens; with the request itself below 5 s.
        poll_troubled: the same at most while AWS throttles or fails the reads.
        quiet_after: without an event for so long, polling slows down.
        last_read: for the last read of the events, after the end of the operation.
        stall_after: without an event for so long, the status of the stack itself is read.
    """

    connect_timeout: float = 5.0
    read_timeout: float = 15.0
    attempts: int = 5
    head_start: float = 0.01
    first_wait: float = 0.3
    longest_wait: float = 4.0
    throttled_for: float = 600.0
    versioning_for: float = 120.0
    poll: float = 1.0
    poll_eager: float = 0.4
    poll_quiet: float = 4.0
    poll_troubled: float = 15.0
    quiet_after: float = 10.0
    stall_after: float = 30.0
    last_read: float = 30.0


DEFAULT_PACE = Pace()
