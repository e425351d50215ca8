"""The faults, and the proxy doing them to one account each. Pure."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plldb.errors import AccessDeniedError, CredentialsError
from tests.support.answers import access_denied, expired_token, server_error, throttled, unavailable
from tests.support.behaviours import Answer, Hang, Reset, Truncate, after, every, first, nth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plldb.errors import PlldbError
    from tests.support.behaviours import Behaviour, Forward, Occurrence
    from tests.support.operations import Call
    from tests.support.wire import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong with a request, from its ``begin``-th occurrence on.

    ``error`` is None where plldb has to recover by itself. ``everywhere``: not only the first request of
    an operation is tried but the last one, too, because it matters what has happened before.
    """

    name: str
    harm: Behaviour
    lasts: Callable[[int], Occurrence]
    error: type[PlldbError] | None = None
    everywhere: bool = False


def _once(begin: int) -> Occurrence:
    return nth(begin)


def _three_times(begin: int) -> Occurrence:
    return lambda count: begin <= count < begin + 3


def _for_good(begin: int) -> Occurrence:
    return after(begin - 1)


def _busy() -> Behaviour:
    """503 and throttling in turns."""
    turns: Iterator[Callable[[Call], Response]] = itertools.cycle([unavailable, throttled])
    return Answer(lambda call: next(turns)(call))


FAULTS = (
    Fault(name="HTTP 500 once", harm=Answer(server_error), lasts=_once),
    Fault(name="503 and throttling, 3 times", harm=_busy(), lasts=_three_times),
    Fault(name="connection reset before it took effect", harm=Reset(), lasts=_once),
    Fault(
        name="connection reset after it took effect", harm=Reset(forward=True), lasts=_once, everywhere=True
    ),
    Fault(name="took effect, no answer", harm=Hang(forward=True), lasts=_once),
    Fault(name="truncated body", harm=Truncate(), lasts=_once),
    Fault(
        name="ExpiredToken",
        harm=Answer(expired_token),
        lasts=_for_good,
        error=CredentialsError,
        everywhere=True,
    ),
    Fault(
        name="AccessDenied",
        harm=Answer(access_denied),
        lasts=_for_good,
        error=AccessDeniedError,
        everywhere=True,
    ),
)


class Harm:
    """A behaviour for all requests that does to each account what was asked for that account."""

    def __init__(self) -> None:
        self._wanted: dict[str, tuple[str, Behaviour, Occurrence]] = {}
        self._counts: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        self.done: defaultdict[str, int] = defaultdict(int)
        self.last: Call | None = None

    def befall(self, account: str, operation: str, harm: Behaviour, when: Occurrence = every) -> None:
        """From now on let ``harm`` happen to that operation (empty: any) of that account."""
        self._wanted[account] = (operation, harm, when)
        self._counts.pop(account, None)
        self.done[account] = 0

    def spare(self, account: str) -> None:
        """No more of it."""
        self._wanted.pop(account, None)

    async def __call__(self, call: Call, forward: Forward) -> Response:
        operation, harm, when = self._wanted.get(call.account, ("", _pass_on, first(0)))
        if operation not in ("", call.operation) or not when(next(self._counts[call.account])):
            return await forward(call)
        self.done[call.account] += 1
        self.last = call
        return await harm(call, forward)


async def _pass_on(call: Call, forward: Forward) -> Response:
    return await forward(call)
