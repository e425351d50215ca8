"""Debugger: a deployed function runs on the caller's own machine while the cloud invokes it. Pure.

::

    from plldb import debugger

    done = await debugger.result(debugger.restore(debugger.Place(region="eu-west-1"), "my-stack"))
    print(await debugger.status())
"""

from plldb.aws.place import Place, Target
from plldb.debugger.errors import (
    DebuggerError,
    NoFunctionsError,
    NotSetUpError,
    ProtocolError,
    RefusedError,
)
from plldb.debugger.events import (
    AnswersDelayed,
    AttachedSession,
    ConnectionEvent,
    ConnectionLost,
    ConnectionRestored,
    DebuggerStatus,
    Event,
    FunctionRefused,
    HeldFunction,
    InvocationRecord,
    Restored,
    RestoreEvent,
    RestoreFinished,
    Started,
    TakeOverPlanned,
    VersionArmed,
)
from plldb.debugger.operations import restore, result, status
from plldb.debugger.pace import Pace

__all__ = [
    "AnswersDelayed",
    "AttachedSession",
    "ConnectionEvent",
    "ConnectionLost",
    "ConnectionRestored",
    "DebuggerError",
    "DebuggerStatus",
    "Event",
    "FunctionRefused",
    "HeldFunction",
    "InvocationRecord",
    "NoFunctionsError",
    "NotSetUpError",
    "Pace",
    "Place",
    "ProtocolError",
    "RefusedError",
    "RestoreEvent",
    "RestoreFinished",
    "Restored",
    "Started",
    "TakeOverPlanned",
    "Target",
    "VersionArmed",
    "restore",
    "result",
    "status",
]
