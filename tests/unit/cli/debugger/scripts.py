"""Scripted runs of the debugger's commands. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from plldb import debugger as ev
from plldb.cli.output.renderer import RegionRun
from plldb.debugger.events.restore import OperationName
from tests.unit.cli.scripts import T0, asked, target

if TYPE_CHECKING:
    from plldb.cli.debugger.progress import LiveProgress

NOW = int(T0.timestamp())
ADA, BORIS = (f"arn:aws:iam::123456789012:user/{name}" for name in ("ada", "boris"))
HOLDER = ev.FunctionHolder(
    who=BORIS,
    host="desk",
    stack="shop",
    since=NOW - 7500,
    lease_until=NOW + 21300,
    where=("headers.x-debug=b*",),
)
OTHERS = ("headers.x-debug=ada", "body.total=9*")
BESIDE = replace(HOLDER, who=ADA, host="laptop", since=NOW - 900, where=OTHERS)
HELD = ev.HeldFunction(function="shop-Mails-1B2C3D4E5F6G", armed=True, holders=(HOLDER,))


def started(operation: OperationName, stack: str = "shop") -> ev.Started:
    return ev.Started(operation=operation, plldb_version="0.2.0", target=target(), stack_name=stack)


def restored() -> list[ev.RestoreEvent]:
    """One is restored, one has a version published meanwhile, one is held by somebody else."""
    orders = "shop-Orders-7H8I9J0K1L2M"
    return [
        started("restore"),
        ev.Restored(function=orders, how="restored"),
        ev.VersionArmed(function=orders, function_version="12", aliases=("live",)),
        ev.FunctionRefused(
            function=HELD.function,
            reason="held",
            message=f"{BORIS} has it, on desk since 2026-03-01 10:00 UTC",
            holder=BORIS,
            since=HOLDER.since,
        ),
        ev.RestoreFinished(restored=1, refused=1),
    ]


def take_over() -> ev.TakeOverPlanned:
    return ev.TakeOverPlanned(functions=(HELD,))


def status(**changes: Any) -> ev.DebuggerStatus:
    values: dict[str, Any] = {
        "target": target(),
        "stack_name": "",
        "functions": (
            replace(HELD, holders=(HOLDER, BESIDE), versions={"12": ("live", "beta")}),
            ev.HeldFunction(function="left-behind", armed=True),
        ),
        "sessions": (
            ev.AttachedSession(who=BORIS, host="desk", stack="shop", since=NOW - 7500, until=NOW + 21300),
            ev.AttachedSession(
                who=ADA, host="laptop", stack="", since=NOW - 90, until=NOW + 28710, connected=False
            ),
        ),
        "invocations": (
            ev.InvocationRecord(
                request_id="6f0a4a4e-0d3c-4d8f-9a51-0f7f3f1f6c11",
                function=HELD.function,
                who=BORIS,
                host="desk",
                at=NOW - 60,
                attempts=2,
                outcome="answered",
                seconds=1.25,
            ),
        ),
    }
    return ev.DebuggerStatus(**values | changes)


ORDERS, MAILS = "shop-Orders-7H8I9J0K1L2M", "shop-Mails-1B2C3D4E5F6G"
FIRST, SECOND, THIRD = (f"{digit}f0a4a4e-0d3c-4d8f-9a51-0f7f3f1f6c11" for digit in "678")
LONG_LINE = "    " + "and so on " * 9


def planned() -> list[ev.AttachEvent]:
    """Up to the question."""
    functions = tuple(
        ev.PlannedFunction(
            function=name,
            logical_id=logical_id,
            handler="app.handler",
            folder="/home/ada/shop/src",
            python="/home/ada/shop/.venv/bin/python",
        )
        for name, logical_id in ((ORDERS, "Orders"), (MAILS, "Mails"))
    )
    refused = ev.FunctionRefused(
        function="shop-Images-3N4O", reason="not-python", message="its runtime is nodejs22.x"
    )
    plan = ev.AttachPlanned(functions=functions, lease_until=NOW + 8 * 3600, debug_port=5678)
    return [started("attach"), refused, plan]


def planned_beside_boris() -> list[ev.AttachEvent]:
    """One function is somebody else's."""
    first, *_, plan = planned()
    assert isinstance(plan, ev.AttachPlanned)
    plan = replace(plan, where=("headers.x-debug=me", "body.user.id=4?", "requestContext.stage=test"))
    theirs = ev.FunctionRefused(
        function=HELD.function,
        reason="held",
        message=f"{BORIS} has it, on desk since 2026-03-01 10:00 UTC",
        holder=BORIS,
        since=HOLDER.since,
    )
    return [first, theirs, plan]


def attached() -> list[ev.AttachEvent]:
    """Up to the first invocation."""
    return [
        *planned(),
        ev.SessionConnected(seconds=0.4),
        ev.FunctionArmed(function=ORDERS),
        ev.FunctionArmed(function=MAILS),
        ev.Attached(functions=(ORDERS, MAILS), debug_port=5678, lease_until=NOW + 8 * 3600),
    ]


def shared() -> list[ev.AttachEvent]:
    """A session beside another one, from its plan to its end."""
    *head, armed = attached()
    left = ev.Restored(function=MAILS, how="left", others=(HOLDER,))
    finished = ev.AttachFinished(invocations=3, failed=1, restored=1, left_armed=(), shared=1)
    beside = ev.FunctionShared(function=MAILS, others=(HOLDER, replace(HOLDER, who=ADA, where=OTHERS)))
    return [*head, beside, armed, *detached(MAILS)[:2], left, finished]


def invoked() -> list[ev.AttachEvent]:
    """Two invocations at once, a failure, and what may happen to a connection."""

    def printed(request_id: str, function: str, text: str) -> ev.Output:
        return ev.Output(request_id=request_id, function=function, stream="stdout", text=text)

    return [
        ev.InvocationStarted(request_id=FIRST, function=MAILS, trigger="SQS mails, 3 records"),
        printed(FIRST, MAILS, "three mails to send"),
        ev.InvocationStarted(
            request_id=SECOND,
            function=ORDERS,
            trigger="POST /orders",
            caller=ev.Caller(name="API Gateway", seconds=30, then="error"),
        ),
        printed(FIRST, MAILS, LONG_LINE),
        printed(SECOND, ORDERS, "{'total':\t12}"),
        ev.InvocationFinished(
            request_id=SECOND, function=ORDERS, outcome="answered", seconds=0.031, status_code=503
        ),
        ev.InvocationFinished(
            request_id=FIRST,
            function=MAILS,
            outcome="failed",
            seconds=12.2,
            error="KeyError: 'address'",
            file="mails/send.py",
            line=31,
        ),
        ev.CodeDiffers(
            functions=(
                ev.DifferingCode(function=ORDERS, files=("index.py", "db.py", "shop/cart.py"), count=5),
                ev.DifferingCode(function=MAILS, files=("send.py",), count=1),
            )
        ),
        ev.LayerFetched(
            layer="arn:aws:lambda:eu-west-1:123456789012:layer:tables:3",
            packages=("numpy", "pandas"),
            size=41_200_000,
        ),
        ev.LayerMissing(
            layer="arn:aws:lambda:eu-west-1:123456789012:layer:shared:1",
            message="You may not lambda:GetLayerVersion.",
        ),
        ev.FunctionRelayed(function=ORDERS),
        ev.FunctionSilent(function=ORDERS, request_id=THIRD, function_version="$LATEST"),
        ev.FunctionSilent(function=ORDERS, request_id=THIRD, function_version="$LATEST", in_vpc=True),
        ev.FunctionSilent(function=ORDERS, request_id=THIRD, function_version="12"),
        ev.FunctionDeployed(function=ORDERS, armed=True, code_changed=True),
        ev.FunctionDeployed(function=MAILS, armed=False, reason="gone", message="it was deleted"),
        ev.VisibilityDenied(
            function=MAILS, queue="mails", message="You may not sqs:ChangeMessageVisibility."
        ),
        ev.RecordingFailed(folder="/home/ada/kept", message="No space left on device"),
        ev.ConnectionLost(reason="closed (1001)"),
        ev.ConnectionRestored(seconds=1.5),
        ev.SignInNeeded(message="AWS does not accept the credentials.", goes_on=True),
        ev.SignInNeeded(message="AWS does not accept the credentials.", goes_on=False),
        ev.AnswersDelayed(code="denied", message="You may not execute-api:ManageConnections."),
        ev.InvocationRefused(request_id=THIRD, function=ORDERS, reason="it came too late"),
        ev.InvocationStarted(request_id=THIRD, function=ORDERS, trigger="Invoke, 2 bytes", repeats=SECOND),
        ev.InvocationFinished(request_id=THIRD, function=ORDERS, outcome="cancelled", seconds=3),
        ev.AnswerLost(request_id=THIRD),
        ev.EventsSkipped(lines=1234, invocations=1),
    ]


def replayed() -> list[ev.ReplayEvent]:
    """Two recordings: one that ends as it was recorded, one that does not."""
    *_, plan = planned()
    assert isinstance(plan, ev.AttachPlanned)
    first, second = (
        ev.Replayed(
            file=f"{request_id}.json",
            request_id=request_id,
            outcome="answered",
            answer=answer,
            recorded_outcome=recorded,
            recorded_answer=before,
            same=answer == before,
        )
        for request_id, answer, recorded, before in (
            (FIRST, '{"sent": 3}', "answered", '{"sent": 3}'),
            (SECOND, '{"total": 12}', "failed", '{"errorType": "KeyError", "errorMessage": "price"}'),
        )
    )
    return [
        ev.ReplayStarted(plldb_version="0.2.0", files=2, functions=plan.functions, debug_port=5678),
        ev.InvocationStarted(request_id=FIRST, function=MAILS, trigger="SQS mails, 3 records"),
        ev.Output(request_id=FIRST, function=MAILS, stream="stdout", text="three mails to send"),
        ev.InvocationFinished(request_id=FIRST, function=MAILS, outcome="answered", seconds=0.3),
        first,
        ev.InvocationStarted(request_id=SECOND, function=ORDERS, trigger="POST /orders"),
        ev.InvocationFinished(request_id=SECOND, function=ORDERS, outcome="answered", seconds=0.1),
        second,
        replace(second, recorded_outcome="cancelled", recorded_answer=""),
        ev.ReplayFinished(invocations=2, failed=0, differing=1),
    ]


def detached(*left: str) -> list[ev.AttachEvent]:
    restored = [ev.Restored(function=name, how="restored") for name in (ORDERS, MAILS) if name not in left]
    refused = [ev.FunctionRefused(function=name, reason="credentials", message="expired") for name in left]
    finished = ev.AttachFinished(invocations=3, failed=1, restored=len(restored), left_armed=left)
    return [ev.Detaching(reason="asked", in_hand=1), *restored, *refused, finished]


def an_answer(**changes: Any) -> ev.Invoked:
    """What a function has answered to one event, on somebody's machine."""
    values: dict[str, Any] = {
        "target": target(),
        "function": ORDERS,
        "function_version": "$LATEST",
        "request_id": FIRST,
        "seconds": 0.31,
        "answer": {"statusCode": 200, "body": "é"},
        "text": "",
        "error": None,
        "log": (f"START RequestId: {FIRST} Version: $LATEST", f"END RequestId: {FIRST}"),
        "ran": "machine",
        "who": BORIS,
        "host": "desk",
    }
    return ev.Invoked(**values | changes)


def an_error() -> ev.Invoked:
    """An error of a function in the cloud."""
    stack = ('  File "/var/task/index.py", line 5, in handler', '    raise KeyError("price")')
    error = ev.FunctionError(type="KeyError", message="'price'", stack=stack)
    return an_answer(error=error, ran="deployed", who="", host="", log=())


def a_run(*argv: str) -> RegionRun[LiveProgress]:
    """The run of a command in one region."""
    invocation = asked(*argv)
    command = invocation.load(invocation, None)
    return RegionRun(words=command.words(None), progress=command.live(T0.timestamp()))
