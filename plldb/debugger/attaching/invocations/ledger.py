"""One row for each invocation that ran on somebody's machine, for whoever asks later. Talks to DynamoDB.

The rows are beside those of held functions, in PLLDBDebugger. They say nothing of what an invocation
was about, and no invocation waits for them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plldb.aws.items import read_number, read_text, read_time
from plldb.debugger.arming.holders import KEY
from plldb.debugger.arming.mutex import TABLE, Table, read_row, scan_rows
from plldb.debugger.events.status import InvocationRecord
from plldb.debugger.link.rows import SessionRow
from plldb.errors import PlldbError

log = logging.getLogger(__name__)

KEPT = 7 * 86400
"""Seconds that a row is kept: long enough to ask on Monday where a message of last week went."""


AT_ONCE = 2
"""Most notes that are written at a time: hundreds would take the time of the invocations themselves."""

NOTE_AFTER = 0.1
"""Seconds that a note waits: most invocations are over by then. They are noted with one request instead of
two, and it does not take this machine's time before their answer."""

MOST = 2000
"""Most notes that wait at a time; what comes then is not noted. Twice what an account may run at once by
default (Lambda's quota of concurrent executions, 1,000): each running invocation has a note that waits."""


WRITTEN_WITHIN = 30.0
"""Seconds for all that wait at the end of a session: enough for `MOST` where a request takes 30 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How an invocation has ended, and after how many seconds."""

    outcome: str
    seconds: float


class Notes:
    """The notes of a session that are not written yet; at most ``most``, so that memory is bounded.

    ``within`` is how many seconds they have at its end; None for as long as it takes.
    """

    def __init__(self, most: float = MOST, within: float | None = WRITTEN_WITHIN) -> None:
        self._most = most
        self._within = within
        self._waiting: set[asyncio.Task[None]] = set()

    def add(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin to write a note, or leave it out if too many wait."""
        if len(self._waiting) >= self._most:
            work.close()
            log.info("an invocation is not noted: %s notes wait", self._most)
            return
        task = asyncio.create_task(work)
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def written(self) -> None:
        """Wait until all that wait are written; what is not by then is left out."""
        try:
            async with asyncio.timeout(self._within):
                await asyncio.gather(*self._waiting)
        except TimeoutError:  # AWS cannot be reached, perhaps: each of them would try for a minute
            log.info("not all invocations are noted")


class Ledger:
    """The rows of a session's invocations, which nobody waits for: at the end, they are `written`."""

    def __init__(self, table: Table, row: SessionRow) -> None:
        self._table = table
        self._row = row
        self._notes = Notes()
        self._few = asyncio.Semaphore(AT_ONCE)
        self.written = self._notes.written

    def begin(self, request_id: str, function: str) -> asyncio.Future[End]:
        """Note an invocation that has come now, and how it ends as soon as that is set, or cancelled."""
        end: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        start = {"request_id": request_id, "function": function, "now": int(time.time())}
        self._notes.add(note_invocation(self._table, self._row, start, end, self._few))
        return end


async def note_invocation(
    table: Table, row: SessionRow, start: Mapping[str, Any], end: asyncio.Future[End], few: asyncio.Semaphore
) -> None:
    """Note an invocation when it is its turn: that it has come and, as soon as ``end`` is known, its end.

    What has ended by its turn is noted once. ``start`` are arguments of `note_start`. The ledger is for
    later: if it cannot be written nobody has to wait.
    """
    await asyncio.wait([end], timeout=NOTE_AFTER)
    async with few:
        known = end.result() if end.done() and not end.cancelled() else None
        await _try(note_start(table, row, **start, end=known))
    await asyncio.wait([end])
    if known is None and not end.cancelled():
        async with few:
            await _try(note_end(table, request_id=start["request_id"], end=end.result()))


async def _try(note: Awaitable[None]) -> None:
    try:
        await note
    except PlldbError as error:
        log.info("an invocation is not noted: %s", type(error).__name__)


async def note_start(
    table: Table, row: SessionRow, *, request_id: str, function: str, now: int, end: End | None = None
) -> None:
    """Note that an invocation has come to this machine, and perhaps its end; again, if it was here before.

    Raises:
        AwsError: DynamoDB refused, or could not be reached.
    """
    values = {
        "FunctionName": {"S": function},
        "Who": {"S": row.who},
        "Host": {"S": row.host},
        "Stack": {"S": row.stack or "-"},
        "At": {"N": str(now)},
        **_of_end(end or End(outcome="", seconds=0)),
        "ExpiresAt": {"N": str(now + KEPT)},
    }
    await _update(table, request_id, "ADD Attempts :one SET ", values, {":one": {"N": "1"}})


async def note_end(table: Table, *, request_id: str, end: End) -> None:
    """Note how an invocation has ended.

    Raises:
        AwsError: DynamoDB refused, or could not be reached.
    """
    await _update(table, request_id, "SET ", _of_end(end), {})


def _of_end(end: End) -> dict[str, Any]:
    return {"Outcome": {"S": end.outcome}, "Seconds": {"N": f"{end.seconds:.3f}"}}


async def _update(
    table: Table, request_id: str, verb: str, values: Mapping[str, Any], more: Mapping[str, Any]
) -> None:
    await table.aws.call(
        table.client.update_item,
        TableName=TABLE,
        Key={KEY: {"S": request_id}},
        # Some of the names are words of DynamoDB's own language.
        UpdateExpression=verb + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues={**{f":{name}": value for name, value in values.items()}, **more},
    )


async def read_invocation(table: Table, request_id: str) -> InvocationRecord | None:
    """Return what is noted of an invocation; None for nothing. Consistent.

    Raises:
        AwsError: DynamoDB refused, or could not be reached.
    """
    item = await read_row(table, request_id)
    return _record_of(item) if item else None


async def list_invocations(table: Table, stacks: Sequence[str], *, most: int) -> tuple[InvocationRecord, ...]:
    """Return the last ``most`` invocations, newest first; with stacks only those of their sessions.

    Raises:
        AwsError: DynamoDB refused, or could not be reached.
    """
    items = scan_rows(table, of_functions=False)
    found = [_record_of(item) async for item in items if is_of(read_text(item, "Stack"), stacks)]
    return tuple(sorted(found, key=lambda record: record.at, reverse=True)[:most])


def is_of(of_session: str, stacks: Sequence[str]) -> bool:
    """Tell whether a session is attached to one of these stacks; without any, to anything. Pure.

    ``of_session`` are its stacks as its row has them, with commas between them.
    """
    return not stacks or not {*of_session.split(", ")}.isdisjoint(stacks)


def _record_of(item: Mapping[str, Any]) -> InvocationRecord:
    return InvocationRecord(
        request_id=read_text(item, KEY),
        function=read_text(item, "FunctionName"),
        who=read_text(item, "Who"),
        host=read_text(item, "Host"),
        at=read_time(item, "At"),
        attempts=int(read_number(item, "Attempts")),
        outcome=read_text(item, "Outcome"),
        seconds=read_number(item, "Seconds"),
    )
