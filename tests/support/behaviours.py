"""What the proxy may do to a request, and which requests it does it to. Pure.

A behaviour is an async function of a `Call` and of ``forward``, which passes a call on and gives the
response. It may wait, answer by itself, change what it passes on or hands back, or raise `DropConnection`
or `NeverAnswer`. A `Rule` says when it applies; the first rule that matches is the outermost one, so put
a `Delay` first. Any async function of that form is a behaviour, the ones here are frozen values::

    proxy.use(
        on(Delay(0.1)),
        on(Answer(throttled), "DescribeStackEvents", when=fraction(0.9, seed=1)),
        on(Reset(forward=True), "CreateStack", when=first(1)),
        on(Callback(lambda call: os.kill(pid, SIGKILL)), when=nth(5)),
    )
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tests.support.operations import Call
from tests.support.wire import Response

Forward = Callable[[Call], Awaitable[Response]]
Behaviour = Callable[[Call, Forward], Awaitable[Response]]
Occurrence = Callable[[int], bool]


class DropConnection(Exception):  # noqa: N818 - a signal to the proxy, not an error
    """Raised by a behaviour: the client's connection is reset (RST)."""


class NeverAnswer(Exception):  # noqa: N818 - a signal to the proxy, not an error
    """Raised by a behaviour: the client waits until it gives up."""


# --- when -------------------------------------------------------------------------------------------------


def every(count: int) -> bool:
    """Each matching request."""
    return True


def nth(number: int) -> Occurrence:
    """Only that matching request, counted from 1."""
    return lambda count: count == number


def first(number: int) -> Occurrence:
    """The first so many matching requests."""
    return lambda count: count <= number


def after(number: int) -> Occurrence:
    """All but the first so many matching requests."""
    return lambda count: count > number


def fraction(share: float, *, seed: int) -> Occurrence:
    """A random share of the matching requests, the same ones for the same seed."""
    return lambda count: random.Random(f"{seed}-{count}").random() < share


@dataclass(frozen=True, slots=True)
class Rule:
    """A behaviour, the operations it is for (none named: all), and which of their requests."""

    behaviour: Behaviour
    operations: frozenset[str]
    when: Occurrence

    def concerns(self, call: Call) -> bool:
        """Whether the rule is for calls of this kind; each one counts as an occurrence."""
        return not self.operations or call.operation in self.operations or call.service in self.operations


def on(behaviour: Behaviour, *operations: str, when: Occurrence = every) -> Rule:
    """A rule for the named operations, or services (``s3``); with none named, for every request."""
    return Rule(behaviour, frozenset(operations), when)


# --- what -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delay:
    """Passes the request on so many seconds later."""

    seconds: float

    async def __call__(self, call: Call, forward: Forward) -> Response:
        """Wait, then go on."""
        await asyncio.sleep(self.seconds)
        return await forward(call)


@dataclass(frozen=True, slots=True)
class Answer:
    """Answers in the server's place where ``make`` gives a response; the server never sees the request."""

    make: Callable[[Call], Response | None]

    async def __call__(self, call: Call, forward: Forward) -> Response:
        """Answer, or go on."""
        return self.make(call) or await forward(call)


@dataclass(frozen=True, slots=True)
class Reset:
    """Resets the connection; with ``forward`` only after the request has taken effect."""

    forward: bool = False

    async def __call__(self, call: Call, forward: Forward) -> Response:
        """Drop the connection."""
        if self.forward:
            await forward(call)
        raise DropConnection


@dataclass(frozen=True, slots=True)
class Hang:
    """Never answers; with ``forward`` the request takes effect nevertheless."""

    forward: bool = False

    async def __call__(self, call: Call, forward: Forward) -> Response:
        """Leave the client waiting."""
        if self.forward:
            await forward(call)
        raise NeverAnswer


@dataclass(frozen=True, slots=True)
class Truncate:
    """Announces the whole body, sends this share of it and closes the connection."""

    keep: float = 0.5

    async def __call__(self, call: Call, forward: Forward) -> Response:
        """Cut the response short."""
        response = await forward(call)
        return replace(response, cut=int(len(response.body) * self.keep))


@dataclass(frozen=True, slots=True)
class Callback:
    """Calls a function when the request has taken effect and the client does not know it yet."""

    function: Callable[[Call], None]

    async def __call__(self, call: Call, forward: Forward) -> Response:
        """Pass on, call, hand back."""
        response = await forward(call)
        self.function(call)
        return response
