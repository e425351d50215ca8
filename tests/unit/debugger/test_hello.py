"""How a laptop learns AWS's clock from hello, though it sleeps meanwhile. Time is a value."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

import pytest

from plldb.debugger.link.connection import SLOW, Connection
from plldb.debugger.pace import Pace
from plldb.debugger.protocol.outgoing import Times

if TYPE_CHECKING:
    from plldb.aws.websockets import WebSocket

AHEAD = 40.0
"""Seconds by which AWS's clock is ahead."""

QUICK, ASLEEP = (0.03, 0.0, 0.03), 600.0


class Api:
    """The other end of a WebSocket. Of each hello ``ways`` say what passes in seconds: until AWS reads its
    clock, of sleep before that (negative: after it), until the answer is here; None: no answer for now."""

    def __init__(self, *ways: tuple[float, float, float] | None) -> None:
        self.ways = list(ways)
        self.clocks = Times(now=0.0, wall=1_700_000_000.0)
        self.hellos = 0
        self._late: list[str] = []
        self._answers: asyncio.Queue[str] = asyncio.Queue()

    def pass_time(self, seconds: float, asleep: float = 0.0) -> None:
        self.clocks = Times(self.clocks.now + seconds, self.clocks.wall + seconds + asleep)

    async def send(self, text: str) -> None:
        self.hellos += 1
        there, asleep, back = way if (way := self.ways.pop(0)) else (*QUICK[:2], 4.0)
        self.pass_time(there, max(asleep, 0.0))
        told = {"t": "welcome", "n": json.loads(text)["n"], "me": "M=", "now": self.clocks.wall + AHEAD}
        self.pass_time(back, max(-asleep, 0.0))
        self._late.append(json.dumps(told))
        while way and self._late:
            self._answers.put_nowait(self._late.pop(0))
        await self._answers.join()  # all are read

    async def texts(self) -> AsyncIterator[str]:
        while True:
            yield await self._answers.get()
            self._answers.task_done()

    async def close(self) -> None:
        """It has no end."""


@pytest.mark.parametrize(
    ("ways", "hellos"),
    [
        ([QUICK], 1),
        ([(0.03, -ASLEEP, 0.03), QUICK], 2),
        ([(0.03, ASLEEP, 0.03), QUICK], 2),
        ([None, QUICK, QUICK], 3),  # the answer to the first comes after the second was sent
        ([(3.0, 0.0, 3.0), (3.0, 0.0, 3.0)], 2),  # a network that is never quicker
        ([(3.0, 0.0, 3.0), (0.03, -ASLEEP, 0.03)], 2),
    ],
)
async def test_aws_clock_is_never_taken_to_be_behind_what_it_is(ways: list[Any], hellos: int) -> None:
    """Else an invocation would be started later than 30 s after Lambda delivered it."""
    api = Api(*ways)
    connection = Connection(cast("WebSocket", api), lambda: api.clocks)
    reading = asyncio.create_task(connection.read(lambda _: None))
    _, skew = await connection.greet(Pace(hello_again=0.0, hello_within=60.0))
    reading.cancel()
    assert 0 <= skew - AHEAD <= max(SLOW, ways[-1][0] + 0.001)
    assert api.hellos == hellos
