"""Bootstrap: the debugger's infrastructure in the caller's AWS account. Pure.

::

    from plldb import bootstrap

    async for event in bootstrap.setup(bootstrap.Place(region="eu-west-1")):
        print(event)

    done = await bootstrap.result(bootstrap.setup(bootstrap.Place(region="eu-west-1")))
"""

from plldb.aws.pace import RequestPace
from plldb.aws.place import Place, Target
from plldb.bootstrap.doctor import doctor
from plldb.bootstrap.errors import (
    BucketError,
    FunctionHold,
    FunctionsHeldError,
    PackagingError,
    StackError,
    StackFailedError,
    StackNotOursError,
    StackStuckError,
    TemplateError,
)
from plldb.bootstrap.events import Event, Result
from plldb.bootstrap.events.destroy import (
    BucketDeleted,
    BucketEmptied,
    BucketKept,
    DestroyEvent,
    DestroyFinished,
    RemovalPlanned,
)
from plldb.bootstrap.events.looks import (
    BootstrapStatus,
    DoctorEvent,
    DoctorFinished,
    Finding,
    WatchEvent,
    WatchFinished,
)
from plldb.bootstrap.events.setup import (
    ArtifactPlan,
    ArtifactReady,
    BucketDelayed,
    BucketReady,
    Deployment,
    PartsMissing,
    ResourceChange,
    SetupEvent,
    SetupFinished,
    SetupPlanned,
    StackPart,
    TemplatePublished,
)
from plldb.bootstrap.events.stack import (
    ActionDecided,
    EventsDelayed,
    Failure,
    OperationFinished,
    OperationStarted,
    PreviousFailure,
    StackEvent,
    Started,
    StreamEvent,
)
from plldb.bootstrap.operations import destroy, result, setup, status, watch
from plldb.bootstrap.options import SetupOptions
from plldb.bootstrap.pace import Pace
from plldb.bootstrap.progress import Progress
from plldb.bootstrap.stack.statuses import StackStatus, Status

__all__ = [
    "ActionDecided",
    "ArtifactPlan",
    "ArtifactReady",
    "BootstrapStatus",
    "BucketDelayed",
    "BucketDeleted",
    "BucketEmptied",
    "BucketError",
    "BucketKept",
    "BucketReady",
    "Deployment",
    "DestroyEvent",
    "DestroyFinished",
    "DoctorEvent",
    "DoctorFinished",
    "Event",
    "EventsDelayed",
    "Failure",
    "Finding",
    "FunctionHold",
    "FunctionsHeldError",
    "OperationFinished",
    "OperationStarted",
    "Pace",
    "PackagingError",
    "PartsMissing",
    "Place",
    "PreviousFailure",
    "Progress",
    "RemovalPlanned",
    "RequestPace",
    "ResourceChange",
    "Result",
    "SetupEvent",
    "SetupFinished",
    "SetupOptions",
    "SetupPlanned",
    "StackError",
    "StackEvent",
    "StackFailedError",
    "StackNotOursError",
    "StackPart",
    "StackStatus",
    "StackStuckError",
    "Started",
    "Status",
    "StreamEvent",
    "Target",
    "TemplateError",
    "TemplatePublished",
    "WatchEvent",
    "WatchFinished",
    "destroy",
    "doctor",
    "result",
    "setup",
    "status",
    "watch",
]
