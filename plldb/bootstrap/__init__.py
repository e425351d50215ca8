"""Bootstrap: the debugger's infrastructure in the caller's AWS account. Pure.

::

    from plldb import bootstrap

    async for event in bootstrap.setup(region="eu-west-1"):
        print(event)

    done = await bootstrap.result(bootstrap.setup(region="eu-west-1"))
"""

from plldb.aws.pace import Pace
from plldb.aws.session import Target
from plldb.bootstrap.doctor import doctor
from plldb.bootstrap.events import (
    ActionDecided,
    ArtifactPlan,
    ArtifactReady,
    BootstrapStatus,
    BucketDeleted,
    BucketEmptied,
    BucketKept,
    BucketReady,
    Deployment,
    DestroyEvent,
    DestroyFinished,
    DoctorEvent,
    DoctorFinished,
    Event,
    EventsDelayed,
    Failure,
    Finding,
    OperationFinished,
    OperationStarted,
    PreviousFailure,
    RemovalPlanned,
    ResourceChange,
    Result,
    SetupEvent,
    SetupFinished,
    SetupPlanned,
    StackEvent,
    Started,
    StreamEvent,
    TemplatePublished,
    WatchEvent,
    WatchFinished,
)
from plldb.bootstrap.operations import destroy, result, setup, status, watch
from plldb.bootstrap.progress import Progress
from plldb.bootstrap.stack.statuses import StackStatus, Status

__all__ = [
    "ActionDecided",
    "ArtifactPlan",
    "ArtifactReady",
    "BootstrapStatus",
    "BucketDeleted",
    "BucketEmptied",
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
    "OperationFinished",
    "OperationStarted",
    "Pace",
    "PreviousFailure",
    "Progress",
    "RemovalPlanned",
    "ResourceChange",
    "Result",
    "SetupEvent",
    "SetupFinished",
    "SetupPlanned",
    "StackEvent",
    "StackStatus",
    "Started",
    "Status",
    "StreamEvent",
    "Target",
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
