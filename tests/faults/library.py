"""setup and destroy in this process, many accounts at once. Talks to MiniStack, through the proxy or not."""

from __future__ import annotations

import asyncio
import functools
import tempfile
import time
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import botocore
from aiobotocore.session import AioSession, get_session

from plldb import bootstrap
from plldb.bootstrap import Pace
from plldb.errors import PlldbError
from plldb.tasks import gather_all
from tests.support.environment import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from tests.support.events import PacedEvents

Command = Literal["setup", "destroy"]

# Patient with a busy machine, in no hurry otherwise.
CALM = Pace(
    connect_timeout=30,
    read_timeout=60,
    first_wait=0.02,
    longest_wait=0.1,
    throttled_for=60,
    poll=0.05,
    poll_eager=0.05,
    poll_quiet=0.1,
    poll_troubled=0.1,
    quiet_after=5,
    stall_after=5,
)

_KNOWLEDGE = get_session().get_component("data_loader")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run that is over: what it said, and how it failed if it did."""

    events: tuple[bootstrap.Event, ...]
    error: PlldbError | None
    seconds: float

    @property
    def changed(self) -> bool | None:
        """What the last event says of changes; None if the run failed."""
        last = self.events[-1] if self.events else None
        return last.changed if isinstance(last, bootstrap.SetupFinished | bootstrap.DestroyFinished) else None


@functools.cache
def _one_certificate() -> Path:
    """A file with one certificate: each run reads them all, which takes longer than its requests."""
    end = "-----END CERTIFICATE-----\n"
    first = Path(botocore.__file__).with_name("cacert.pem").read_text().partition(end)[0] + end
    file = Path(tempfile.mkdtemp(prefix="plldb-"), "one.pem")
    file.write_text(first)
    return file


def session_of(account: str, *, secret: str = "test", token: str | None = None) -> AioSession:
    """A session of that account; what botocore knows of AWS is read once for all of them."""
    session = get_session()
    session.register_component("data_loader", _KNOWLEDGE)
    session.set_config_variable("ca_bundle", str(_one_certificate()))
    session.set_credentials(account, secret, token)
    return session


def place_of(account: str, endpoint: str) -> bootstrap.Place:
    """That account, at that endpoint."""
    return bootstrap.Place(session=session_of(account), region=REGION, endpoint_url=endpoint)


async def run(
    command: Command,
    account: str,
    endpoint: str,
    *,
    pace: Pace = CALM,
    seconds: float = 120.0,
    tell: Callable[[bootstrap.Event], None] = lambda event: None,
    **options: Any,
) -> Ran:
    """Run to the end; `TimeoutError` after so many seconds. Only plldb's own errors are caught."""
    begin = time.monotonic()
    events: list[bootstrap.Event] = []
    error = None
    stream: Any = getattr(bootstrap, command)(
        place_of(account, endpoint),
        pace=pace,
        **options,
    )
    try:
        async with asyncio.timeout(seconds), aclosing(stream):
            async for event in stream:
                events.append(event)  # what came before an error counts
                tell(event)
    except PlldbError as caught:
        error = caught
    return Ran(events=tuple(events), error=error, seconds=time.monotonic() - begin)


async def succeed(command: Command, account: str, endpoint: str, **options: Any) -> Ran:
    """Run, and fail the test if the run fails."""
    ran = await run(command, account, endpoint, **options)
    if ran.error is not None:
        raise AssertionError(f"{command} failed: {ran.error}") from ran.error
    return ran


def hasten_once_attached(paced: PacedEvents) -> Callable[[bootstrap.Event], None]:
    """For `run`: once it follows an operation that it found under way, that goes on fast to its end."""

    def tell(event: bootstrap.Event) -> None:
        if isinstance(event, bootstrap.ActionDecided) and event.action == "attach":
            paced.hasten()

    return tell


async def at_most(count: int, work: Iterable[Coroutine[Any, Any, Any]]) -> tuple[Any, ...]:
    """Await all, so many at a time. When one fails, nothing of the others goes on beside the next test."""
    places = asyncio.Semaphore(count)

    async def one(each: Coroutine[Any, Any, Any]) -> Any:
        try:
            async with places:
                return await each
        finally:
            each.close()  # one that never got a place would be told as never awaited, in some later test

    return await gather_all(*[one(each) for each in work])
