"""How patiently requests to AWS are sent, as one value. Pure.

Time is a setting, so that tests and embedding programs choose it; no module sleeps a time of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from plldb.limits import check_number


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPace:
    """How long plldb waits for a request, in seconds unless it says otherwise.

    Attributes:
        connect_timeout: for a connection to be made.
        read_timeout: for the answer to a request. The control requests of AWS are answered within about
            a second; nothing that plldb sends is long.
        attempts: how often a request is sent in all when the server fails or the connection breaks
            (a count).
        head_start: for the first requests to leave, before the next client is made; while a client is
            made, nothing else goes on. They leave once a thread has read the certificates.
        first_wait: longest wait before the second attempt; it doubles from there, with full jitter.
        longest_wait: longest wait between two attempts of one request.
        throttled_for: how long one request is repeated while AWS throttles it.

    Raises:
        SettingsError: a number is negative or not a number (an int not whole), or a count is 0; it is named.
    """

    counts: ClassVar[frozenset[str]] = frozenset({"attempts"})
    """What 0 would leave nothing of."""

    connect_timeout: float = 5.0
    read_timeout: float = 15.0
    attempts: int = 5
    head_start: float = 0.02
    first_wait: float = 0.3
    longest_wait: float = 4.0
    throttled_for: float = 600.0

    def __post_init__(self) -> None:
        for field in fields(self):
            name = f"{type(self).__name__}.{field.name}"
            above, whole = field.name in self.counts, field.type in ("int", int)
            check_number(name, getattr(self, field.name), above=above, whole=whole)
