"""Scripted runs of the debugger's commands. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plldb.cli.debugger.operations import make_command
from plldb.cli.output.renderer import RegionRun
from plldb.debugger import events as ev
from tests.unit.cli.scripts import T0, asked, target

if TYPE_CHECKING:
    from plldb.cli.debugger.progress import LiveProgress

NOW = int(T0.timestamp())
ADA, BORIS = (f"arn:aws:iam::123456789012:user/{name}" for name in ("ada", "boris"))
HELD: dict[str, Any] = {
    "function": "shop-Mails-1B2C3D4E5F6G",
    "armed": True,
    "holder": BORIS,
    "host": "desk",
    "stack": "shop",
    "since": NOW - 7500,
    "lease_until": NOW + 21300,
}


def started(operation: ev.OperationName, stack: str = "shop") -> ev.Started:
    return ev.Started(operation=operation, plldb_version="0.2.0", target=target(), stack_name=stack)


def restored() -> list[ev.RestoreEvent]:
    """One is restored, one has a version published meanwhile, one is held by somebody else."""
    orders = "shop-Orders-7H8I9J0K1L2M"
    return [
        started("restore"),
        ev.Restored(function=orders, how="restored"),
        ev.VersionArmed(function=orders, version="12", aliases=("live",)),
        ev.FunctionRefused(
            function=HELD["function"],
            reason="held",
            message="user/boris has it, on desk",
            holder=BORIS,
            since=HELD["since"],
        ),
        ev.RestoreFinished(restored=1, refused=1),
    ]


def take_over() -> ev.TakeOverPlanned:
    return ev.TakeOverPlanned(functions=(ev.HeldFunction(**HELD),))


def status(**changes: Any) -> ev.DebuggerStatus:
    values: dict[str, Any] = {
        "target": target(),
        "stack_name": "",
        "functions": (
            ev.HeldFunction(**HELD, versions={"12": ("live", "beta")}),
            ev.HeldFunction(function="left-behind", armed=True),
        ),
        "sessions": (
            ev.AttachedSession(who=BORIS, host="desk", stack="shop", since=NOW - 7500, until=NOW + 21300),
        ),
        "invocations": (
            ev.InvocationRecord(
                request_id="6f0a4a4e-0d3c-4d8f-9a51-0f7f3f1f6c11",
                function=HELD["function"],
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


def a_run(*argv: str) -> RegionRun[LiveProgress]:
    """The run of a command in one region."""
    command = make_command(asked(*argv), None)
    return RegionRun(words=command.words(None), progress=command.live(T0.timestamp()))
