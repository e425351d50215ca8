"""What went through the proxy, and what it says about the program's use of the network. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Interval:
    """From when until when something was under way, in seconds of `time.monotonic`."""

    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One request of the program, from its head's arrival to the moment its answer was ready.

    ``start`` and ``end`` are seconds of `time.monotonic`, ``status`` is None if the client got no
    answer, ``sent`` and ``received`` are bytes of the bodies as the client sees them, ``account`` is the
    access key id, ``expected_owner`` the header x-amz-expected-bucket-owner, ``connection`` a number.
    """

    number: int
    service: str
    operation: str
    account: str
    region: str
    method: str
    target: str
    start: float
    end: float
    status: int | None
    sent: int
    received: int
    expected_owner: str
    connection: int


def find_most_in_flight(records: Iterable[Record], operation: str = "") -> int:
    """The highest number of requests under way at one time, of all operations or of one."""
    chosen = [record for record in records if operation in ("", record.operation)]
    # At the same instant an end counts before a start: the two do not overlap.
    steps = sorted([(record.start, 1) for record in chosen] + [(record.end, -1) for record in chosen])
    now = most = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


AnyInterval = TypeVar("AnyInterval", "Record", Interval)


def find_critical_path(records: Iterable[AnyInterval]) -> tuple[AnyInterval, ...]:
    """The longest chain of requests where each starts after the one before has ended.

    Its length is the number of round trips that a program cannot have made at the same time.
    """
    chain: list[AnyInterval] = []
    # The most intervals that do not overlap: always take the one that ends first.
    for record in sorted(records, key=lambda record: record.end):
        if not chain or record.start >= chain[-1].end:
            chain.append(record)
    return tuple(chain)
