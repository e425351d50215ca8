"""Bootstrap: the debugger's infrastructure in the caller's AWS account. Pure.

::

    from plldb import bootstrap

    async for event in bootstrap.setup(region="eu-west-1"):
        print(event)
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
    Failure,
    Finding,
    OperationFinished,
    OperationStarted,
    PastFailure,
    PollingSlowed,
    RemovalPlanned,
    ResourceChange,
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
from plldb.bootstrap.operations import destroy, setup, status, watch
from plldb.bootstrap.stack.statuses import EventStatus, StackStatus

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
    "EventStatus",
    "Failure",
    "Finding",
    "OperationFinished",
    "OperationStarted",
    "Pace",
    "PastFailure",
    "PollingSlowed",
    "RemovalPlanned",
    "ResourceChange",
    "SetupEvent",
    "SetupFinished",
    "SetupPlanned",
    "StackEvent",
    "StackStatus",
    "Started",
    "StreamEvent",
    "Target",
    "TemplatePublished",
    "WatchEvent",
    "WatchFinished",
    "destroy",
    "doctor",
    "setup",
    "status",
    "watch",
]
