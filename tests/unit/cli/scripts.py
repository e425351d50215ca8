"""Scripted runs: events as the library yields them, and a library that plays them. Pure."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import os
import re
import signal
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

from plldb import bootstrap as ev
from plldb.aws.place import Place, Target
from plldb.bootstrap.events.stack import OperationName, StackOperation, StartedBy
from plldb.bootstrap.options import SetupOptions
from plldb.bootstrap.stack.statuses import StackStatus, Status
from plldb.cli.bootstrap.operations import make_command
from plldb.cli.interrupts import listen
from plldb.cli.invocation import Invocation
from plldb.cli.main import parse
from plldb.cli.output.renderer import RegionRun, Terminal
from plldb.cli.run import perform
from plldb.errors import Hint, PlldbError

T0 = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/plldb/6ab0"
BUCKET = "plldb-core-infrastructure-eu-west-1-123456789012"
LONG_REASON = (
    "Resource handler returned message: \"Resource of type 'AWS::DynamoDB::Table' with identifier "
    "'PLLDBSessions' already exists in stack arn:aws:cloudformation:eu-west-1:123456789012:stack/"
    'somebody-else/0e6f9a10-9c1b-11f0-b6ad-0a1b2c3d4e5f." (RequestToken: 71e2c7a5-5c5d-3d11-a1b2-0f2f, '
    "HandlerErrorCode: AlreadyExists)"
)
RESOURCES = (
    ("PLDDBSessions", "AWS::DynamoDB::Table"),
    ("PLLDBDebuggerRole", "AWS::IAM::Role"),
    ("DisconnectPermission", "AWS::Lambda::Permission"),
    ("Authorizer", "AWS::ApiGatewayV2::Authorizer"),
)

Shown = ev.Event | ev.BootstrapStatus
Step = Shown | PlldbError | BaseException | signal.Signals


def target(**changes: Any) -> Target:
    values = {
        "account": "123456789012",
        "region": "eu-west-1",
        "partition": "aws",
        "caller_arn": "arn:aws:iam::123456789012:user/ada",
        "endpoint_url": None,
    }
    return Target(**{**values, **changes})


def started(operation: OperationName = "setup", *, dry_run: bool = False, **place: Any) -> ev.Started:
    return ev.Started(
        operation=operation,
        plldb_version="0.2.0",
        target=target(**place),
        stack_name="plldb",
        dry_run=dry_run,
    )


def stack_event(
    logical_id: str = "PLDDBSessions",
    status: str = "CREATE_COMPLETE",
    *,
    resource_type: str = "AWS::DynamoDB::Table",
    at: float = 0,
    reason: str = "",
    seconds: float | None = None,
    started_by: StartedBy = "this_run",
) -> ev.StackEvent:
    return ev.StackEvent(
        event_id=f"{logical_id}-{status}-{at}",
        timestamp=T0 + timedelta(seconds=at),
        logical_id=logical_id,
        physical_id="",
        resource_type=resource_type,
        status=Status(status),
        reason=reason,
        detailed_status="",
        is_stack=resource_type == "AWS::CloudFormation::Stack",
        started_by=started_by,
        seconds=seconds,
        template_line=None,
    )


def root_event(status: str, **rest: Any) -> ev.StackEvent:
    return stack_event("plldb", status, resource_type="AWS::CloudFormation::Stack", **rest)


def operation_started(
    operation: StackOperation = "create",
    *,
    started_by: StartedBy = "this_run",
    resources: int | None = 4,
) -> ev.OperationStarted:
    return ev.OperationStarted(
        operation=operation,
        stack_name="plldb",
        stack_id=STACK_ID,
        started_by=started_by,
        resources=resources,
        past=False,
    )


def operation_finished(status: str, operation: StackOperation = "create") -> ev.OperationFinished:
    return ev.OperationFinished(
        operation=operation,
        stack_name="plldb",
        stack_id=STACK_ID,
        started_by="this_run",
        status=Status(status),
        seconds=62.0,
    )


def failure(logical_id: str = "PLDDBSessions", reason: str = LONG_REASON) -> ev.Failure:
    return ev.Failure(
        logical_id=logical_id,
        resource_type="AWS::DynamoDB::Table",
        physical_id="PLLDBSessions",
        status=Status("CREATE_FAILED"),
        reason=reason,
        timestamp=T0,
        seconds=1.25,
        template_line=12,
    )


def stages() -> list[Shown]:
    names = [f"ws_api_{name}_handler" for name in ("connect", "disconnect", "authorize", "default")]
    return [
        ev.BucketReady(bucket=BUCKET, created=True, repaired=("versioning", "encryption")),
        *(artifact(name, uploaded=not index) for index, name in enumerate(names)),
        ev.TemplatePublished(
            bucket=BUCKET, key="plldb/versions/0.2.0/template.yaml", version_id="v1", size=21_400
        ),
        ev.ActionDecided(
            action="create", stack_name="plldb", status=None, reason="there is no stack plldb yet"
        ),
    ]


def artifact(name: str, *, uploaded: bool) -> ev.ArtifactReady:
    key = f"plldb/versions/0.2.0/lambda_functions/{name}.zip"
    return ev.ArtifactReady(
        function_name=name, bucket=BUCKET, key=key, version_id="v1", size=812, uploaded=uploaded
    )


def setup_finished(*, changed: bool = True) -> ev.SetupFinished:
    deployment = ev.Deployment(
        stack_name="plldb",
        stack_id=STACK_ID,
        account="123456789012",
        region="eu-west-1",
        plldb_version="0.2.0",
        bucket=BUCKET,
        websocket_url="wss://abc.execute-api.eu-west-1.amazonaws.com/plldb",
        agent_layer_arn="arn:aws:lambda:eu-west-1:123456789012:layer:plldb-agent:1",
        outputs={
            "WebSocketUrl": "wss://abc.execute-api.eu-west-1.amazonaws.com/plldb",
            "Version": "0.2.0",
        },
    )
    return ev.SetupFinished(changed=changed, deployment=deployment)


def successful_setup() -> list[Shown]:
    log: list[Shown] = [root_event("CREATE_IN_PROGRESS", reason="User Initiated")]
    for index, (logical_id, kind) in enumerate(RESOURCES):
        log.append(stack_event(logical_id, "CREATE_IN_PROGRESS", resource_type=kind, at=index))
    for index, (logical_id, kind) in enumerate(RESOURCES):
        took = 10.0 * index + 5
        log.append(
            stack_event(logical_id, "CREATE_COMPLETE", resource_type=kind, at=index + took, seconds=took)
        )
    log.append(root_event("CREATE_COMPLETE", at=62, seconds=62.0))
    return [
        started(),
        *stages(),
        operation_started(),
        *log,
        operation_finished("CREATE_COMPLETE"),
        setup_finished(),
    ]


def failed_setup() -> list[Shown]:
    return [
        started(),
        *stages(),
        operation_started(),
        root_event("CREATE_IN_PROGRESS"),
        stack_event("PLDDBSessions", "CREATE_IN_PROGRESS", at=1),
        stack_event("PLDDBSessions", "CREATE_FAILED", at=2, reason=LONG_REASON, seconds=1.25),
        root_event("ROLLBACK_IN_PROGRESS", at=3),
        stack_event("PLDDBSessions", "DELETE_COMPLETE", at=4),
        root_event("ROLLBACK_COMPLETE", at=5, seconds=5.0),
        operation_finished("ROLLBACK_COMPLETE"),
    ]


def updated_setup() -> list[Shown]:
    """Replaces one resource, and takes the old one away in the clean-up."""
    role = "PLLDBDebuggerRole", "AWS::IAM::Role"
    log = [
        root_event("UPDATE_IN_PROGRESS", reason="User Initiated"),
        stack_event(role[0], "UPDATE_IN_PROGRESS", resource_type=role[1], at=1),
        stack_event(role[0], "UPDATE_COMPLETE", resource_type=role[1], at=13, seconds=12.0),
        stack_event(
            status="UPDATE_IN_PROGRESS",
            at=14,
            reason="Requested update requires the creation of a new physical resource; hence creating one.",
        ),
        stack_event(status="UPDATE_COMPLETE", at=46, seconds=32.0),
        root_event("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", at=47),
        stack_event(status="DELETE_IN_PROGRESS", at=48),
        stack_event(status="DELETE_COMPLETE", at=60, seconds=12.0),
        root_event("UPDATE_COMPLETE", at=62, seconds=62.0),
    ]
    decided = ev.ActionDecided(
        action="update",
        stack_name="plldb",
        status=StackStatus.CREATE_COMPLETE,
        reason="template, code or tags differ",
    )
    return [
        started(),
        ev.BucketReady(bucket=BUCKET, created=False, repaired=()),
        *stages()[1:-1],
        decided,
        operation_started("update", resources=None),
        *log,
        operation_finished("UPDATE_COMPLETE", "update"),
        setup_finished(),
    ]


def attached_setup() -> list[Shown]:
    """Follows what somebody else's console has begun, and then finds nothing to do."""
    theirs = [
        root_event("UPDATE_IN_PROGRESS", reason="User Initiated", started_by="others"),
        stack_event(status="UPDATE_IN_PROGRESS", at=1, started_by="others"),
        stack_event(status="UPDATE_FAILED", at=2, started_by="others", reason="Rate exceeded", seconds=1.0),
        root_event("UPDATE_ROLLBACK_IN_PROGRESS", at=3, started_by="others"),
        stack_event(status="UPDATE_COMPLETE", at=4, started_by="others", seconds=1.0),
        root_event("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", at=5, started_by="others"),
        root_event("UPDATE_ROLLBACK_COMPLETE", at=6, started_by="others", seconds=6.0),
    ]
    running = ev.ActionDecided(
        action="attach",
        stack_name="plldb",
        status=StackStatus.UPDATE_IN_PROGRESS,
        reason="an operation is running on the stack; it is followed to its end first",
    )
    nothing = ev.ActionDecided(
        action="nothing",
        stack_name="plldb",
        status=StackStatus.UPDATE_ROLLBACK_COMPLETE,
        reason="template, code and tags are what they should be",
    )
    ended = dataclasses.replace(operation_finished("UPDATE_ROLLBACK_COMPLETE", "update"), started_by="others")
    return [
        started(),
        running,
        operation_started("update", started_by="others", resources=None),
        *theirs,
        ended,
        ev.BucketReady(bucket=BUCKET, created=False, repaired=()),
        nothing,
        setup_finished(changed=False),
    ]


def removal(**changes: Any) -> ev.RemovalPlanned:
    values: dict[str, Any] = {
        "stack_name": "plldb",
        "stack_status": StackStatus.CREATE_COMPLETE,
        "bucket": BUCKET,
        "keep_bucket": False,
        "versions": 12,
        "more": False,
        "foreign": (),
    }
    return ev.RemovalPlanned(**{**values, **changes})


def finished_destroy() -> list[Shown]:
    return [
        started("destroy"),
        removal(),
        ev.BucketDeleted(bucket=BUCKET),
        ev.DestroyFinished(changed=True, bucket_kept=False),
    ]


def status(**changes: Any) -> ev.BootstrapStatus:
    values: dict[str, Any] = {
        "target": target(),
        "stack_name": "plldb",
        "stack_status": StackStatus.CREATE_COMPLETE,
        "status_reason": "",
        "made_by_plldb": True,
        "installed_version": "0.2.0",
        "deployed_version": "0.2.0",
        "created": T0 - timedelta(days=3),
        "updated": None,
        "outputs": {"Version": "0.2.0"},
        "bucket": BUCKET,
        "bucket_exists": True,
        "healthy": True,
    }
    return ev.BootstrapStatus(**{**values, **changes})


def findings() -> list[ev.Finding]:
    return [
        ev.Finding(check="credentials", verdict="ok", message="account 111122223333", remedy=None),
        ev.Finding(
            check="clock",
            verdict="warning",
            message="90 s behind AWS's",
            remedy=Hint("set-clock", "Set the clock right."),
        ),
        ev.Finding(
            check="stack",
            verdict="problem",
            message="plldb is ROLLBACK_COMPLETE",
            remedy=Hint("set-up", "Run setup."),
        ),
        ev.Finding(
            check="permissions",
            verdict="unknown",
            message="not allowed",
            remedy=Hint("allow-action", "Allow it."),
        ),
    ]


PART = ev.StackPart(logical_id="PLDDBSessions", resource_type="AWS::DynamoDB::Table", name="PLLDBSessions")
EXAMPLES: list[Shown] = [
    ev.PartsMissing(stack_name="plldb", missing=(PART,), renewed=("PLDDBSessions",)),
    *findings(),
    ev.DoctorFinished(problems=1, warnings=1),
    *successful_setup(),
    *finished_destroy(),
    ev.PreviousFailure(stack_name="plldb", status=StackStatus.ROLLBACK_COMPLETE, failures=(failure(),)),
    operation_started("update", started_by="others", resources=None),
    stack_event("Theirs", "UPDATE_IN_PROGRESS", started_by="others"),
    ev.EventsDelayed(reason="Rate exceeded", seconds=3.2),
    ev.BucketDelayed(bucket=BUCKET, reason="versioning", seconds=900),
    ev.SetupPlanned(
        bucket=BUCKET,
        bucket_change="repair",
        repairs=("versioning",),
        artifacts=(
            ev.ArtifactPlan(function_name="ws_api_connect_handler", key="plldb/x.zip", change="changed"),
        ),
        action="update",
        reason="the template has changed",
        changes=(
            ev.ResourceChange(
                action="Modify",
                logical_id="PLDDBAPI",
                resource_type="AWS::ApiGatewayV2::Api",
                replacement="true",
            ),
        ),
    ),
    ev.BucketEmptied(bucket=BUCKET, versions=1000),
    ev.BucketKept(bucket=BUCKET, reason="foreign", found=("notes.txt",)),
    ev.WatchFinished(stack_name="plldb", status=StackStatus.UPDATE_COMPLETE),
    status(),
]
"""At least one of every class."""


def event_classes() -> set[type]:
    """Every member of the unions of the library."""
    return {*get_args(ev.Event), ev.BootstrapStatus}


def asked(*argv: str) -> Invocation:
    """What ``plldb`` is to do, for these arguments."""
    parsed = parse(argv)
    assert parsed is not None
    return parsed


def a_run(*argv: str, label: str = "", region: str | None = None, now: float | None = None) -> RegionRun[Any]:
    """The run of a command in one region, of setup if nothing is said."""
    command = make_command(asked("bootstrap", *argv), None)
    progress = command.live(T0.timestamp() if now is None else now)
    return RegionRun(label=label, region=region, words=command.words(region), progress=progress)


async def run(library: Any, *argv: str, place: Terminal | None = None) -> tuple[int, Terminal]:
    """Runs ``plldb bootstrap`` with these arguments; ``doctor`` is its own command."""
    place = place or terminal()
    invocation = asked(*(argv if argv[:1] == ("doctor",) else ("bootstrap", *argv)))
    command = invocation.load(invocation, library)
    return await perform(command, invocation.settings, place, listen()), place


class ScriptedLibrary:
    """Plays one script in every region; an exception in it is raised, a signal in it sent to this process.

    Remembers how it was called.
    """

    def __init__(self, script: Sequence[Step] | Mapping[str, Sequence[Step]], *, delay: float = 0) -> None:
        self._script = script
        self._delay = delay
        self.calls: list[tuple[str, dict[str, object]]] = []
        self.closed = 0

    async def _play(self, name: str, values: dict[str, object]) -> AsyncGenerator[Any, None]:
        self.calls.append((name, values))
        region = cast("Place", values["place"]).region or ""
        script = self._script[region] if isinstance(self._script, Mapping) else self._script
        try:
            for step in script:
                await asyncio.sleep(self._delay)
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, signal.Signals):
                    os.kill(os.getpid(), step)
                    continue
                yield step
        finally:
            self.closed += 1

    def setup(
        self, place: Place, options: SetupOptions, **values: object
    ) -> AsyncGenerator[ev.SetupEvent, None]:
        return self._play("setup", {"place": place, "options": options, **values})

    def destroy(self, place: Place, **values: object) -> AsyncGenerator[ev.DestroyEvent, None]:
        return self._play("destroy", {"place": place, **values})

    def watch(self, place: Place, **values: object) -> AsyncGenerator[ev.WatchEvent, None]:
        return self._play("watch", {"place": place, **values})

    def doctor(self, place: Place, **values: object) -> AsyncGenerator[ev.DoctorEvent, None]:
        return self._play("doctor", {"place": place, **values})

    async def status(self, place: Place) -> ev.BootstrapStatus:
        return cast("ev.BootstrapStatus", await anext(self._play("status", {"place": place})))


class Screen(io.StringIO):
    """An output that says of itself what a test wants."""

    def __init__(self, *, tty: bool = False, encoding: str = "utf-8") -> None:
        super().__init__()
        self._tty = tty
        self._encoding = encoding

    def isatty(self) -> bool:
        return self._tty

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


def terminal(
    *,
    tty: bool = False,
    encoding: str = "utf-8",
    quiet: float = 30,
    clock: Callable[[], float] = T0.timestamp,
    **environ: str,
) -> Terminal:
    return Terminal(
        stdin=io.StringIO(),
        stdout=Screen(tty=tty, encoding=encoding),
        stderr=Screen(),
        environ=environ,
        quiet=quiet,
        tz=UTC,
        clock=clock,
    )


def written(terminal: Terminal) -> str:
    return cast("Screen", terminal.stdout).getvalue()


def complained(terminal: Terminal) -> str:
    return cast("Screen", terminal.stderr).getvalue()


_ESCAPE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")


def escapes(text: str) -> list[str]:
    """The final letters of all escapes."""
    return [match[1] for match in _ESCAPE.findall(text)]


def parameters(text: str) -> list[str]:
    """The parameters of all escapes, one by one."""
    return [part for match in _ESCAPE.findall(text) for part in match[0].split(";")]
