"""The CloudFormation stack: look at it, read its events. Talks to CloudFormation."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import plldb
from plldb.aws.errors import TryAgainError
from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.bootstrap.events.stack import Failure, OperationName, StackOperation, Started
from plldb.bootstrap.pace import DEFAULT_PACE, Pace
from plldb.bootstrap.stack.answers import body_in, events_in, failures_in, snapshot_in
from plldb.bootstrap.stack.decide import Seen, StackSnapshot
from plldb.bootstrap.stack.history import RawEvent, last_operation
from plldb.bootstrap.stack.statuses import StackStatus, Status
from plldb.errors import AwsError
from plldb.tasks import gather_all

if TYPE_CHECKING:
    from types_aiobotocore_cloudformation import CloudFormationClient

log = logging.getLogger(__name__)

Send = Callable[..., Any]
"""`Aws.call` or `Aws.attempt`: patiently, or once."""

STACK_NAME = "plldb"

# CloudFormation has one code, ValidationError, for many things: what it means stands in the message only.
DOES_NOT_EXIST = re.compile(r"\bStack\b.* does not exist")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """How to ask CloudFormation about the stack of one account and region; what it answers is a `Seen`."""

    aws: Aws
    client: CloudFormationClient
    name: str
    pace: Pace = DEFAULT_PACE

    async def look(self) -> Seen:
        """Look at the stack.

        Raises:
            StackStuckError: it has a status that this plldb does not know.
        """
        return Seen(snapshot=await self._read_snapshot(self.name, self.aws.call))

    async def look_at_all(self) -> Seen:
        """Look at the stack and at its template, side by side."""
        snapshot, body = await gather_all(self._read_snapshot(self.name, self.aws.call), self._fetch_body())
        return Seen(snapshot=snapshot, body=body)

    async def with_body(self, seen: Seen) -> Seen:
        """Return what was seen with the text of the template; it is read unless that was done."""
        if seen.body is not None:
            return seen
        return replace(seen, body=await self._fetch_body() if seen.snapshot else "")

    async def with_event_ids(self, seen: Seen) -> Seen:
        """Return what was seen with the ids of the newest events; they are read unless that was done."""
        if seen.event_ids is not None:
            return seen
        ids = await self._read_event_ids(seen.snapshot.stack_id) if seen.snapshot else frozenset[str]()
        return replace(seen, event_ids=ids)

    async def _read_event_ids(self, stack_id: str) -> frozenset[str]:
        page = await self.aws.call(self.client.describe_stack_events, StackName=stack_id)
        return frozenset(event.event_id for event in events_in(page))

    async def _fetch_body(self) -> str:
        try:
            answer = await self.aws.call(
                self.client.get_template, StackName=self.name, TemplateStage="Original"
            )
        except AwsError as error:
            if error.aws_code == "ValidationError":  # there is no stack, or one without a template yet
                return ""
            raise
        return body_in(answer)

    async def read_last_operation(
        self, stack_id: str
    ) -> tuple[StackOperation, list[RawEvent], frozenset[str]]:
        """Return the newest operation: its kind, its events (newest first), and ids of events before it."""
        events: list[RawEvent] = []
        more: dict[str, Any] = {}
        while True:
            page = await self.aws.call(self.client.describe_stack_events, StackName=stack_id, **more)
            events += events_in(page)
            whole = "NextToken" not in page
            found = last_operation(events, whole=whole)
            if found:
                operation, count = found
                return operation, events[:count], frozenset(event.event_id for event in events[count:])
            if whole:
                return "update", events, frozenset()
            more = {"NextToken": page["NextToken"]}

    async def read_new(
        self, stack_id: str, is_known: Callable[[str], bool], *, patiently: bool = False
    ) -> list[RawEvent]:
        """Read events, newest first, back to the page that holds the first known one.

        Raises:
            TryAgainError: AWS throttles, failed, or did not answer (only if not ``patiently``).
        """
        send = self.aws.call if patiently else self.aws.attempt
        events: list[RawEvent] = []
        more: dict[str, Any] = {}
        while True:
            page = await send(self.client.describe_stack_events, StackName=stack_id, **more)
            read = events_in(page)
            events += read
            # The rest of that page is taken, too: an event may turn up late, between known ones.
            if "NextToken" not in page or any(is_known(event.event_id) for event in read):
                return events
            more = {"NextToken": page["NextToken"]}

    async def read_failed_events(self, stack_id: str) -> list[Failure]:
        """Return what only DescribeEvents reports: nested and validation failures, of any operation.

        Empty where it is not to be had: it needs an IAM action of its own, and emulators lack it.
        """
        try:
            answer = await self.aws.attempt(
                self.client.describe_events, StackName=stack_id, Filters={"FailedEvents": True}
            )
        except (AwsError, TryAgainError) as error:
            log.info("DescribeEvents: %s", error)  # the report is poorer, not wrong
            return []
        return failures_in(answer)

    async def read_status(self, stack_id: str, *, patiently: bool = False) -> Status | None:
        """Return the status of exactly this stack; None if CloudFormation does not know it.

        Raises:
            TryAgainError: AWS throttles, failed, or did not answer (only if not ``patiently``).
        """
        snapshot = await self._read_snapshot(stack_id, self.aws.call if patiently else self.aws.attempt)
        return Status(snapshot.status) if snapshot else None

    async def _read_snapshot(self, name: str, send: Send) -> StackSnapshot | None:
        try:
            answer = await send(self.client.describe_stacks, StackName=name)
        except AwsError as error:
            if is_unknown(error):
                return None
            raise
        snapshot = snapshot_in(answer)
        # By name CloudFormation finds living stacks only; some emulators find deleted ones, too.
        by_id = name.startswith("arn:")
        deleted = snapshot is not None and snapshot.status is StackStatus.DELETE_COMPLETE and not by_id
        return None if deleted else snapshot


def started(operation: OperationName, target: Target, *, dry_run: bool = False) -> Started:
    """Return the first event of an operation on the stack."""
    return Started(
        operation=operation,
        plldb_version=plldb.__version__,
        target=target,
        stack_name=STACK_NAME,
        dry_run=dry_run,
    )


async def open_stack(aws: Aws, pace: Pace = DEFAULT_PACE) -> Stack:
    """Return the handle of the stack; nothing is asked of CloudFormation yet."""
    return Stack(aws=aws, client=await aws.cloudformation(), name=STACK_NAME, pace=pace)


def is_unknown(error: AwsError) -> bool:
    """Tell whether CloudFormation says that there is no such stack."""
    return says(error, DOES_NOT_EXIST)


def says(error: AwsError, *meanings: re.Pattern[str]) -> bool:
    """Tell whether an error of CloudFormation, whose code says nothing, has one of these meanings."""
    return error.aws_code == "ValidationError" and any(each.search(error.message) for each in meanings)
