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

    Attributes:
        error: what the run ends in; None where plldb has to recover by itself.
        apart: it ends the run or changes what comes after it, so that each operation gets a run of its own.
            What a request recovers from by itself befalls the first request of every operation, all in one
            run.
        changes: only the operations that change something get a run of their own; one that reads and gets
            no answer is the same before AWS has read it and after.
        last: the last request of an operation gets a run of its own, too.
        runs: in so many runs beside each other instead of one, because each time costs a timeout.
        repeated: the command is run again afterwards. Not needed where another fault ends the run at the
            same place: what is left there is the same.
    """

    name: str
    harm: Behaviour
    lasts: Callable[[int], Occurrence]
    error: type[PlldbError] | None = None
    apart: bool = False
    changes: bool = False
    last: bool = False
    runs: int = 1
    repeated: bool = True


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
        name="connection reset after it took effect",
        harm=Reset(forward=True),
        lasts=_once,
        apart=True,
        changes=True,
        last=True,
    ),
    Fault(name="took effect, no answer", harm=Hang(forward=True), lasts=_once, runs=6),
    Fault(name="truncated body", harm=Truncate(), lasts=_once),
    Fault(
        name="ExpiredToken",
        harm=Answer(expired_token),
        lasts=_for_good,
        error=CredentialsError,
        apart=True,
        repeated=False,
    ),
    Fault(
        name="AccessDenied",
        harm=Answer(access_denied),
        lasts=_for_good,
        error=AccessDeniedError,
        apart=True,
        last=True,
    ),
)


class Harm:
    """A behaviour for all requests that does to each account what was asked for that account."""

    def __init__(self) -> None:
        self._wanted: dict[tuple[str, str], tuple[Behaviour, Occurrence, Iterator[int]]] = {}
        self.done: defaultdict[str, list[Call]] = defaultdict(list)

    def befall(self, account: str, operation: str, harm: Behaviour, when: Occurrence = every) -> None:
        """From now on let ``harm`` happen to that operation (empty: any) of that account."""
        self._wanted[account, operation] = (harm, when, itertools.count(1))

    def spare(self, account: str) -> None:
        """No more of it, and forget what was done."""
        self._wanted = {key: wanted for key, wanted in self._wanted.items() if key[0] != account}
        self.done.pop(account, None)

    async def __call__(self, call: Call, forward: Forward) -> Response:
        anything = self._wanted.get((call.account, ""))
        harm, when, count = self._wanted.get((call.account, call.operation)) or anything or _NOTHING
        if not when(next(count)):
            return await forward(call)
        self.done[call.account].append(call)
        return await harm(call, forward)


async def _pass_on(call: Call, forward: Forward) -> Response:
    return await forward(call)


_NOTHING = (_pass_on, first(0), itertools.count(1))
