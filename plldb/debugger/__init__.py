"""Debugger: a deployed function runs on the caller's own machine while the cloud invokes it. Pure.

::

    from plldb import debugger

    async with debugger.attach(debugger.Place(region="eu-west-1"), "my-stack") as session:
        async for event in session:
            print(event)

    done = await debugger.result(debugger.restore(debugger.Place(region="eu-west-1"), "my-stack"))
    print(await debugger.status())

    print(await debugger.result(debugger.replay([Path("recordings/one.json")])))
"""

from plldb.aws.place import Place, Target
from plldb.debugger.attaching.options import AttachOptions
from plldb.debugger.errors import (
    AmbiguousNameError,
    ConditionError,
    DebuggerError,
    InlineCodeError,
    NoCodeError,
    NoFunctionsError,
    NotSetUpError,
    PortError,
    ProtocolError,
    RecordingError,
    RefusedError,
    SeveralFoldersError,
    SourceError,
)
from plldb.debugger.events import Event
from plldb.debugger.events.attach import (
    Attached,
    AttachEvent,
    AttachFinished,
    AttachPlanned,
    Detaching,
    LaunchEntry,
    PlannedFunction,
    RecordingFailed,
)
from plldb.debugger.events.connection import (
    AnswersDelayed,
    ConnectionEvent,
    ConnectionLost,
    ConnectionRestored,
    SessionConnected,
    SignInNeeded,
)
from plldb.debugger.events.functions import (
    CodeDiffers,
    DifferingCode,
    FunctionArmed,
    FunctionDeployed,
    FunctionRelayed,
    FunctionShared,
    FunctionSilent,
    VisibilityDenied,
)
from plldb.debugger.events.invocations import (
    AnswerLost,
    Caller,
    EventsSkipped,
    InvocationEvent,
    InvocationFinished,
    InvocationRefused,
    InvocationStarted,
    Output,
)
from plldb.debugger.events.invoke import FunctionError, Invoked
from plldb.debugger.events.layers import LayerFetched, LayerMissing
from plldb.debugger.events.replay import Replayed, ReplayEvent, ReplayFinished, ReplayStarted
from plldb.debugger.events.restore import (
    FunctionHolder,
    FunctionRefused,
    HeldFunction,
    Restored,
    RestoreEvent,
    RestoreFinished,
    Started,
    TakeOverPlanned,
    VersionArmed,
)
from plldb.debugger.events.status import AttachedSession, DebuggerStatus, InvocationRecord
from plldb.debugger.operations import Attachment, attach, invoke, replay, restore, result, status
from plldb.debugger.pace import Pace
from plldb.debugger.replaying.options import ReplayOptions

__all__ = [
    "AmbiguousNameError",
    "AnswerLost",
    "AnswersDelayed",
    "AttachEvent",
    "AttachFinished",
    "AttachOptions",
    "AttachPlanned",
    "Attached",
    "AttachedSession",
    "Attachment",
    "Caller",
    "CodeDiffers",
    "ConditionError",
    "ConnectionEvent",
    "ConnectionLost",
    "ConnectionRestored",
    "DebuggerError",
    "DebuggerStatus",
    "Detaching",
    "DifferingCode",
    "Event",
    "EventsSkipped",
    "FunctionArmed",
    "FunctionDeployed",
    "FunctionError",
    "FunctionHolder",
    "FunctionRefused",
    "FunctionRelayed",
    "FunctionShared",
    "FunctionSilent",
    "HeldFunction",
    "InlineCodeError",
    "InvocationEvent",
    "InvocationFinished",
    "InvocationRecord",
    "InvocationRefused",
    "InvocationStarted",
    "Invoked",
    "LaunchEntry",
    "LayerFetched",
    "LayerMissing",
    "NoCodeError",
    "NoFunctionsError",
    "NotSetUpError",
    "Output",
    "Pace",
    "Place",
    "PlannedFunction",
    "PortError",
    "ProtocolError",
    "RecordingError",
    "RecordingFailed",
    "RefusedError",
    "ReplayEvent",
    "ReplayFinished",
    "ReplayOptions",
    "ReplayStarted",
    "Replayed",
    "RestoreEvent",
    "RestoreFinished",
    "Restored",
    "SessionConnected",
    "SeveralFoldersError",
    "SignInNeeded",
    "SourceError",
    "Started",
    "TakeOverPlanned",
    "Target",
    "VersionArmed",
    "VisibilityDenied",
    "attach",
    "invoke",
    "replay",
    "restore",
    "result",
    "status",
]
