"""Stack events spread over time, paged, shuffled, repeated and aged, on their way through the proxy. Pure.

MiniStack finishes a stack in an instant. `PacedEvents` is a behaviour of the proxy that lets each event of
an operation become visible only at its turn, with the time of that turn as its timestamp, and meanwhile
lets DescribeStacks show the status of the last visible event of the stack::

    paced = PacedEvents(Pacing(seconds=20, page_size=10))
    proxy.use(on(Delay(0.05)), on(paced, "cloudformation"))
    ...
    paced.visible[event_id]      # when it became visible, in seconds of its clock
    paced.hasten()               # from now on a second is as long as a thousand

It paces what is begun through it (CreateStack, UpdateStack, DeleteStack, …); whatever the stack had before
is visible at once. It asks the server in the client's name with changed bodies, so the server must not
check signatures.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.support.answers import error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.wire import Response

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_TAG = f"{{{NAMESPACE}}}"
_STARTERS = frozenset(
    {
        "CreateStack",
        "UpdateStack",
        "DeleteStack",
        "RollbackStack",
        "ContinueUpdateRollback",
        "CancelUpdateStack",
        "ExecuteChangeSet",
    }
)
# How long the emulator gets to finish an operation before what there is is spread, and how often to look.
_SETTLE_SECONDS = 60.0
_LOOK_SECONDS = 0.02
_HASTE = 1000.0
_ALWAYS = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How events appear.

    ``seconds``: over which the events of one operation are spread, evenly; the first comes at once.
    ``page_size``: events a page. ``stable_tokens``: a page goes on after the last event of the one before
    even when new events have come meanwhile; else pages shift, as MiniStack's do. ``repeat``: each page
    begins with the last event of the page before. ``window``: so many events share one timestamp and come
    in random order. ``late_every``/``late_seconds``: every so many events, one shows up that much after
    its turn, between known ones, but never after the last. ``history``: so many old events at first.
    """

    seconds: float = 0.0
    page_size: int = 100
    stable_tokens: bool = False
    repeat: bool = False
    window: int = 1
    late_every: int = 0
    late_seconds: float = 0.0
    history: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEvent:
    """A stack event as (tag, text) pairs, in the order of the XML."""

    fields: tuple[tuple[str, str], ...]

    def get(self, tag: str) -> str:
        """The text of a tag, or an empty string."""
        return next((text for name, text in self.fields if name == tag), "")

    @property
    def event_id(self) -> str:
        """The id of the event."""
        return self.get("EventId")

    @property
    def of_stack(self) -> bool:
        """Whether it is about the stack itself."""
        return self.get("PhysicalResourceId") == self.get("StackId")

    @property
    def ends_operation(self) -> bool:
        """Whether it is the last event of an operation."""
        return self.of_stack and not self.get("ResourceStatus").endswith("_IN_PROGRESS")

    def at(self, moment: datetime) -> RawEvent:
        """The same event with another timestamp."""
        text = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return RawEvent(fields=tuple((tag, text if tag == "Timestamp" else old) for tag, old in self.fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An event and when it is visible from on, in seconds of the monotonic clock."""

    event: RawEvent
    visible: float


def schedule_events(
    events: Sequence[RawEvent], *, begin: float, wall: datetime, pacing: Pacing
) -> tuple[Turn, ...]:
    """Spread the events of one operation from ``begin`` on, which is ``wall`` on the calendar."""
    gap = pacing.seconds / max(1, len(events) - 1)
    final = gap * (len(events) - 1)
    turns = []
    for index, event in enumerate(events):
        shared = index - index % pacing.window
        late = bool(pacing.late_every) and (index + 1) % pacing.late_every == 0
        offset = min(final, gap * index + (pacing.late_seconds if late else 0.0))
        stamped = event.at(datetime.fromtimestamp(wall.timestamp() + gap * shared, UTC))
        turns.append(Turn(event=stamped, visible=begin + offset))
    return tuple(turns)


def invent_history(stack_id: str, stack_name: str, count: int) -> tuple[RawEvent, ...]:
    """Old events of a stack, oldest first: one update after the other, two days ago."""
    start = time.time() - 2 * 86_400
    return tuple(
        RawEvent(
            fields=(
                ("StackId", stack_id),
                ("StackName", stack_name),
                ("EventId", f"history-{index:07d}"),
                ("LogicalResourceId", stack_name),
                ("PhysicalResourceId", stack_id),
                ("ResourceType", "AWS::CloudFormation::Stack"),
                ("ResourceStatus", "UPDATE_COMPLETE" if index % 2 else "UPDATE_IN_PROGRESS"),
                ("Timestamp", ""),
            )
        ).at(datetime.fromtimestamp(start + index / 1000, UTC))
        for index in range(count)
    )


def cut_page(newest_first: Sequence[RawEvent], token: str, pacing: Pacing) -> tuple[Sequence[RawEvent], str]:
    """The page that ``token`` asks for (empty: the first) and the token of the next one (empty: none)."""
    start = _find_start(newest_first, token)
    end = start + pacing.page_size
    page = newest_first[max(0, start - 1) if pacing.repeat else start : end]
    if end >= len(newest_first):
        return page, ""
    return page, f"after:{newest_first[end - 1].event_id}" if pacing.stable_tokens else f"offset:{end}"


def _find_start(newest_first: Sequence[RawEvent], token: str) -> int:
    kind, _, value = token.partition(":")
    if kind == "offset":
        return int(value)
    if kind == "after":
        return 1 + next(i for i, event in enumerate(newest_first) if event.event_id == value)
    return 0


def shuffle_windows(oldest_first: Sequence[RawEvent], pacing: Pacing, turn: int) -> list[RawEvent]:
    """Events that share a timestamp in random order, another one each turn."""
    dice = random.Random(f"{pacing.seed}-{turn}")
    windows = itertools.groupby(oldest_first, key=lambda event: event.get("Timestamp"))
    shuffled: list[RawEvent] = []
    for _, group in windows:
        window = list(group)
        dice.shuffle(window)
        shuffled += window
    return shuffled


@dataclass(slots=True, kw_only=True)
class _Stack:
    """What is known of one stack: its turns, oldest first, and whether an operation of ours runs."""

    stack_id: str
    clock: Callable[[], float]
    turns: list[Turn] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    running: bool = False
    operation: str = ""
    token: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def held_back(self) -> bool:
        return bool(self.turns) and max(turn.visible for turn in self.turns[-100:]) > self.clock()

    def visible(self) -> list[RawEvent]:
        now = self.clock()
        return [turn.event for turn in self.turns if turn.visible <= now]

    def status(self) -> str:
        """The status that the visible events tell."""
        of_stack = [event for event in self.visible() if event.of_stack]
        return of_stack[-1].get("ResourceStatus") if of_stack else ""

    def add(self, turns: Sequence[Turn]) -> None:
        self.turns += turns
        self.known |= {turn.event.event_id for turn in turns}


class PacedEvents:
    """The behaviour; give it all of ``cloudformation``. ``visible`` fills as events get their turns."""

    def __init__(self, pacing: Pacing) -> None:
        self.visible: dict[str, float] = {}
        self._pacing = pacing
        self._hastened = math.inf
        self._stacks: dict[str, _Stack] = {}
        self._ids: dict[tuple[str, str, str], str] = {}
        self._requests = itertools.count()
        self._turn = 0

    def hasten(self) -> None:
        """Let a second be as long as a thousand from now on: what was to be seen midway has been seen."""
        self._hastened = time.monotonic()

    def _clock(self) -> float:
        now = time.monotonic()
        return now + max(0.0, now - self._hastened) * _HASTE

    async def __call__(self, call: Call, forward: Forward) -> Response:
        """Answer what concerns events, pass on the rest."""
        if call.operation == "DescribeStackEvents":
            return await self._describe_events(call, forward)
        if call.operation == "DescribeStacks" and "StackName" in call.parameters:
            return await self._describe_stack(call, forward)
        if call.operation in _STARTERS and "StackName" in call.parameters:
            return await self._start(call, forward)
        return await forward(call)

    async def _describe_events(self, call: Call, forward: Forward) -> Response:
        name = call.parameters.get("StackName", "")
        token = call.parameters.get("NextToken", "")
        response, stack = await self._refresh(call, forward, name)
        if stack is None:
            return response
        if name != stack.stack_id and stack.status() == "DELETE_COMPLETE":
            # AWS knows a deleted stack by its id only; MiniStack by its name, too.
            return error(call, 400, "ValidationError", f"Stack [{name}] does not exist")
        events = stack.visible()
        if self._pacing.window > 1:
            if not token:  # the pages of one read show one order, else any reader would lose events
                self._turn = next(self._requests)
            events = shuffle_windows(events, self._pacing, self._turn)
        page, next_token = cut_page(events[::-1], token, self._pacing)
        return replace(response.with_body(_render_page(page, next_token)), status=200)

    async def _describe_stack(self, call: Call, forward: Forward) -> Response:
        name = call.parameters["StackName"]
        _, stack = await self._refresh(call, forward, name)
        response = await forward(call)
        if stack is None or not stack.held_back():
            return response
        if response.status != 200:  # deleted on the server, not yet in what we show
            response = await forward(_with_parameters(call, StackName=stack.stack_id))
        return _show_status(response, stack.status()) if response.status == 200 else response

    async def _start(self, call: Call, forward: Forward) -> Response:
        name = call.parameters["StackName"]
        _, stack = await self._refresh(call, forward, name)
        if refusal := _refuse(call, stack):
            return refusal
        response = await forward(call)
        started = ElementTree.fromstring(response.body).findtext(f".//{_TAG}StackId") if response.body else ""
        stack_id = started or (stack.stack_id if stack else "")
        if response.status == 200 and stack_id:
            self._expect_operation(call, stack_id)
        return response

    def _expect_operation(self, call: Call, stack_id: str) -> None:
        stack = self._stacks.setdefault(stack_id, self._new_stack(stack_id))
        if _is_repeated(call, stack):
            return
        if call.operation == "DeleteStack":
            # Deleting interrupts: what the operation before had still to show is not shown any more.
            now = self._clock()
            stack.turns = [turn for turn in stack.turns if turn.visible <= now]
        stack.running = True
        stack.operation = call.operation
        stack.token = call.parameters.get("ClientRequestToken", "")
        name = stack_id.split("/")[1]
        self._ids[call.account, call.region, name] = stack_id

    async def _refresh(self, call: Call, forward: Forward, name: str) -> tuple[Response, _Stack | None]:
        """Fetch what the server has of a stack and give new events their turns."""
        known_id = self._ids.get((call.account, call.region, name), name)
        response, events = await _fetch(call, forward, known_id)
        if not events and known_id != name:
            response, events = await _fetch(call, forward, name)
        if not events:
            return response, None
        stack_id = events[0].get("StackId")
        stack = self._stacks.setdefault(stack_id, self._new_stack(stack_id))
        async with stack.lock:
            if stack.running:
                events = await _wait_until_settled(call, forward, stack, events)
            self._add_new(stack, events)
        return response, stack

    def _new_stack(self, stack_id: str) -> _Stack:
        stack = _Stack(stack_id=stack_id, clock=self._clock)
        past = invent_history(stack_id, stack_id.split("/")[1], self._pacing.history)
        stack.add([Turn(event=event, visible=_ALWAYS) for event in past])
        return stack

    def _add_new(self, stack: _Stack, events: Sequence[RawEvent]) -> None:
        new = [event for event in events if event.event_id not in stack.known]
        if not new:
            stack.running = False
            return
        if not stack.running:
            stack.add([Turn(event=event, visible=_ALWAYS) for event in new])
            return
        turns = schedule_events(new, begin=self._clock(), wall=datetime.now(UTC), pacing=self._pacing)
        stack.add(turns)
        self.visible |= {turn.event.event_id: turn.visible for turn in turns}
        stack.running = not new[-1].ends_operation


async def _fetch(call: Call, forward: Forward, name: str) -> tuple[Response, list[RawEvent]]:
    """All events that the server has, oldest first, and its last response."""
    events: list[RawEvent] = []
    token = ""
    while True:
        page = {"NextToken": token} if token else {}
        response = await forward(_asking_events(call, {"StackName": name, **page}))
        if response.status != 200:
            return response, []
        root = ElementTree.fromstring(response.body)
        events += _parse_events(root)
        token = root.findtext(f".//{_TAG}NextToken", "")
        if not token:
            return response, events[::-1]


async def _wait_until_settled(
    call: Call, forward: Forward, stack: _Stack, events: list[RawEvent]
) -> list[RawEvent]:
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        new = [event for event in events if event.event_id not in stack.known]
        if new and new[-1].ends_operation:
            break
        await asyncio.sleep(_LOOK_SECONDS)
        _, events = await _fetch(call, forward, stack.stack_id)
    return events


def _asking_events(call: Call, parameters: dict[str, str]) -> Call:
    wanted = {"Action": "DescribeStackEvents", "Version": "2010-05-15", **parameters}
    return replace(_with_body(call, urlencode(wanted).encode()), operation="DescribeStackEvents")


def _with_parameters(call: Call, **changed: str) -> Call:
    return _with_body(call, urlencode(call.parameters | changed).encode())


def _with_body(call: Call, body: bytes) -> Call:
    kept = tuple(pair for pair in call.request.headers if pair[0].lower() != "content-length")
    headers = (*kept, ("Content-Length", str(len(body))))
    return replace(call, request=replace(call.request, headers=headers, body=body))


def _is_repeated(call: Call, stack: _Stack) -> bool:
    """Whether the operation has been started before, so that no new events will come of it."""
    if call.operation == "DeleteStack":
        return bool(stack.turns) and stack.turns[-1].event.get("ResourceStatus").startswith("DELETE_")
    token = call.parameters.get("ClientRequestToken", "")
    return bool(token) and (call.operation, token) == (stack.operation, stack.token)


def _refuse(call: Call, stack: _Stack | None) -> Response | None:
    """What CloudFormation answers to an operation on a stack that is still busy."""
    if stack is None or not stack.held_back() or call.operation == "DeleteStack":
        return None
    if _is_repeated(call, stack):
        return None  # the server knows the request's token
    name = stack.stack_id.split("/")[1]
    if call.operation == "CreateStack":
        return error(call, 400, "AlreadyExistsException", f"Stack [{name}] already exists")
    message = f"Stack:{stack.stack_id} is in {stack.status()} state and can not be updated."
    return error(call, 400, "ValidationError", message)


def _parse_events(root: ElementTree.Element) -> Iterator[RawEvent]:
    for member in root.iterfind(f".//{_TAG}StackEvents/{_TAG}member"):
        yield RawEvent(fields=tuple((part.tag.removeprefix(_TAG), part.text or "") for part in member))


def _render_page(events: Sequence[RawEvent], next_token: str) -> bytes:
    members = "".join(
        "<member>" + "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in event.fields) + "</member>"
        for event in events
    )
    token = f"<NextToken>{next_token}</NextToken>" if next_token else ""
    result = (
        f"<DescribeStackEventsResult><StackEvents>{members}</StackEvents>{token}</DescribeStackEventsResult>"
    )
    return _wrap("DescribeStackEventsResponse", result)


def _wrap(tag: str, inner: str) -> bytes:
    metadata = "<ResponseMetadata><RequestId>proxy</RequestId></ResponseMetadata>"
    return f'<{tag} xmlns="{NAMESPACE}">{inner}{metadata}</{tag}>'.encode()


def _show_status(response: Response, status: str) -> Response:
    root = ElementTree.fromstring(response.body)
    for member in root.iterfind(f".//{_TAG}Stacks/{_TAG}member"):
        shown = member.find(f"{_TAG}StackStatus")
        if shown is not None and status:
            shown.text = status
        outputs = member.find(f"{_TAG}Outputs")
        if outputs is not None and status.startswith(("CREATE", "ROLLBACK")):
            outputs.clear()  # a stack has no outputs before it is complete
    return response.with_body(ElementTree.tostring(root))
