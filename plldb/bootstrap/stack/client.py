"""The CloudFormation stack: find, create, update, delete, read its events. Talks to CloudFormation."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plldb.aws.errors import TryAgainError
from plldb.aws.session import Aws
from plldb.bootstrap.events import Failure, StackOperation
from plldb.bootstrap.pace import DEFAULT_PACE, Pace
from plldb.bootstrap.stack.answers import failed_event, raw_event, snapshot_of
from plldb.bootstrap.stack.decide import StackSnapshot
from plldb.bootstrap.stack.statuses import StackStatus, Status
from plldb.bootstrap.stack.timeline import TOKEN_PREFIX, RawEvent, last_operation
from plldb.errors import AwsError
from plldb.tasks import gather_all

if TYPE_CHECKING:
    from types_aiobotocore_cloudformation import CloudFormationClient

log = logging.getLogger(__name__)

Send = Callable[..., Any]
"""`Aws.call` or `Aws.attempt`: patiently, or once."""

# A stack of that name is there; or a request with that token was taken already.
TAKEN = frozenset({"AlreadyExistsException", "TokenAlreadyExistsException"})
STACK_NAME = "plldb"

# CloudFormation has one code, ValidationError, for many things: what it means stands in the message only.
_DOES_NOT_EXIST = re.compile(r"\bStack\b.* does not exist")
_NO_UPDATES = re.compile(r"No updates are to be performed")
# Somebody has deleted what was just uploaded; the second is MiniStack's way to say so.
_TEMPLATE_GONE = re.compile(r"S3 error: The specified \w+ does not exist|Template not found")
_BUSY = re.compile(r" is in [A-Z_]+ state|while in status [A-Z_]+|\bStack\b.* already exists")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """CloudFormation has accepted an operation. ``operation_id`` is empty where it tells none."""

    operation: StackOperation
    stack_id: str
    token: str
    operation_id: str = ""


class NoUpdates:
    """CloudFormation found that the stack is what it should be."""


class Overtaken:
    """Somebody else was first: with an operation, or with hands on the template. Look again."""


@dataclass(slots=True, kw_only=True)
class Stack:
    """The stack of one account and region; ``snapshot`` is what was seen last, None if there is none.

    ``stale`` says that a look since then has failed.
    """

    aws: Aws
    client: CloudFormationClient
    name: str
    pace: Pace = DEFAULT_PACE
    snapshot: StackSnapshot | None = None
    stale: bool = False
    _body: str | None = None
    _body_read: bool = False
    _marker: frozenset[str] | None = None

    async def refresh(self) -> None:
        """Look at the stack.

        Raises:
            StackStuckError: it has a status that this plldb does not know.
        """
        self.snapshot = await self._read_snapshot(self.name, self.aws.call)
        self.stale = self._body_read = False
        # Read before whatever made looking again necessary: its events would be told as new.
        self._marker = None

    async def look(self) -> None:
        """Look at the stack and at its template, side by side."""
        self.snapshot, self._body = await gather_all(
            self._read_snapshot(self.name, self.aws.call), self._fetch_body()
        )
        self._body_read = True

    async def read_body(self) -> str | None:
        """Return the text of the template that the stack was made from, None if there is none."""
        if self.snapshot is None:
            return None
        if not self._body_read:
            self._body, self._body_read = await self._fetch_body(), True
        return self._body

    async def _fetch_body(self) -> str | None:
        try:
            answer = await self.aws.call(
                self.client.get_template, StackName=self.name, TemplateStage="Original"
            )
        except AwsError as error:
            if error.aws_code == "ValidationError":  # there is no stack, or one without a template yet
                return None
            raise
        # botocore makes a dict of a template in JSON; plldb's own is YAML.
        body: object = answer.get("TemplateBody")
        return body if isinstance(body, str) else None

    async def read_marker(self) -> None:
        """Read the ids of the newest events: what comes after them belongs to what is done next."""
        if self.snapshot:
            page = await self.aws.call(self.client.describe_stack_events, StackName=self.snapshot.stack_id)
            self._marker = frozenset(event["EventId"] for event in page["StackEvents"])

    async def take_marker(self) -> frozenset[str]:
        """Return the marker for one operation; it is read now unless that was done ahead."""
        if self._marker is None:
            await self.read_marker()
        marker, self._marker = self._marker, None
        return marker or frozenset()

    async def read_last_operation(
        self, stack_id: str
    ) -> tuple[StackOperation, list[RawEvent], frozenset[str]]:
        """Return the newest operation: its kind, its events (newest first), and ids of events before it."""
        events: list[RawEvent] = []
        more: dict[str, Any] = {}
        while True:
            page = await self.aws.call(self.client.describe_stack_events, StackName=stack_id, **more)
            events += [raw_event(event) for event in page["StackEvents"]]
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
            read = [raw_event(event) for event in page["StackEvents"]]
            events += read
            # The rest of that page is taken, too: an event may turn up late, between known ones.
            if "NextToken" not in page or any(is_known(event.event_id) for event in read):
                return events
            more = {"NextToken": page["NextToken"]}

    async def read_failed_events(self, stack_id: str) -> list[Failure]:
        """Return what only DescribeEvents tells: nested and validation failures, of whatever operation.

        Empty where it is not to be had: it needs an IAM action of its own, and emulators lack it.
        """
        try:
            answer = await self.aws.attempt(
                self.client.describe_events, StackName=stack_id, Filters={"FailedEvents": True}
            )
        except (AwsError, TryAgainError) as error:
            log.info("DescribeEvents: %s", error)  # the report is poorer, not wrong
            return []
        return [failure for event in answer["OperationEvents"] if (failure := failed_event(event))]

    # --- operations ---------------------------------------------------------------------------------------

    async def submit(
        self, template_url: str, tags: tuple[tuple[str, str], ...]
    ) -> Submitted | NoUpdates | Overtaken:
        """Ask CloudFormation to create the stack, or to update the one that is there."""
        arguments = {
            "TemplateURL": template_url,
            "Tags": [{"Key": key, "Value": value} for key, value in tags],
            # The roles have no names of their own, so the weaker of the two IAM capabilities is enough.
            "Capabilities": ["CAPABILITY_IAM"],
        }
        if self.snapshot is None:
            return await self._submit("create", self.client.create_stack, **arguments)
        return await self._submit("update", self.client.update_stack, **arguments)

    async def delete(self) -> Submitted | NoUpdates | Overtaken:
        """Ask CloudFormation to delete the stack."""
        return await self._submit("delete", self.client.delete_stack)

    async def continue_rollback(self) -> Submitted | NoUpdates | Overtaken:
        """Ask CloudFormation to go on with a rollback that stopped half-way."""
        return await self._submit("rollback", self.client.continue_update_rollback)

    async def _submit(
        self, operation: StackOperation, method: Callable[..., Any], **arguments: Any
    ) -> Submitted | NoUpdates | Overtaken:
        # With the same token in every attempt CloudFormation takes a repeated request for the same one.
        token = f"{TOKEN_PREFIX}{operation}-{uuid.uuid4()}"
        name = self.name
        if operation != "create" and self.snapshot:
            # By id: never a stack of the same name that came after the one that was looked at.
            name = self.snapshot.stack_id
        try:
            answer = await self.aws.call(method, StackName=name, ClientRequestToken=token, **arguments)
        except AwsError as error:
            if error.aws_code not in TAKEN and not _says(
                error, _NO_UPDATES, _BUSY, _DOES_NOT_EXIST, _TEMPLATE_GONE
            ):
                raise
            # Our own request may have been the one that won: its answer was lost, and this is the
            # answer to its repetition.
            own = await self._find_own(operation, token)
            return own or (NoUpdates() if _says(error, _NO_UPDATES) else Overtaken())
        stack_id = (answer or {}).get("StackId") or (self.snapshot.stack_id if self.snapshot else name)
        operation_id = (answer or {}).get("OperationId", "")
        return Submitted(operation=operation, stack_id=stack_id, token=token, operation_id=operation_id)

    async def _find_own(self, operation: StackOperation, token: str) -> Submitted | None:
        name = self.snapshot.stack_id if self.snapshot else self.name
        try:
            page = await self.aws.call(self.client.describe_stack_events, StackName=name)
        except AwsError:
            return None
        for event in page["StackEvents"]:
            if event.get("ClientRequestToken") == token:
                return Submitted(operation=operation, stack_id=event["StackId"], token=token)
        return None

    async def read_status(self, stack_id: str) -> Status:
        """Return the status of exactly this stack. One attempt.

        Raises:
            TryAgainError: AWS throttles, failed, or did not answer.
        """
        snapshot = await self._read_snapshot(stack_id, self.aws.attempt)
        return Status(snapshot.status if snapshot else StackStatus.DELETE_COMPLETE)

    async def _read_snapshot(self, name: str, send: Send) -> StackSnapshot | None:
        try:
            answer = await send(self.client.describe_stacks, StackName=name)
        except AwsError as error:
            if _says(error, _DOES_NOT_EXIST):
                return None
            raise
        snapshot = snapshot_of(answer["Stacks"][0])
        # By name CloudFormation finds living stacks only; some emulators find deleted ones, too.
        deleted = snapshot.status is StackStatus.DELETE_COMPLETE and not name.startswith("arn:")
        return None if deleted else snapshot


async def open_stack(aws: Aws, pace: Pace = DEFAULT_PACE) -> Stack:
    """Return the handle of the stack; nothing is asked of CloudFormation yet."""
    return Stack(aws=aws, client=await aws.cloudformation(), name=STACK_NAME, pace=pace)


def _says(error: AwsError, *meanings: re.Pattern[str]) -> bool:
    return error.aws_code == "ValidationError" and any(each.search(error.message) for each in meanings)
