"""Events in words, for people. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from plldb.bootstrap.events.destroy import (
    BucketDeleted,
    BucketEmptied,
    BucketKept,
    DestroyFinished,
    RemovalPlanned,
)
from plldb.bootstrap.events.looks import BootstrapStatus, DoctorFinished, Finding, WatchFinished
from plldb.bootstrap.events.setup import (
    ArtifactReady,
    BucketDelayed,
    BucketReady,
    PartsMissing,
    SetupFinished,
    SetupPlanned,
    TemplatePublished,
)
from plldb.bootstrap.events.stack import (
    ActionDecided,
    EventsDelayed,
    OperationFinished,
    OperationStarted,
    PreviousFailure,
    StackEvent,
    Started,
)
from plldb.cli.bootstrap.explain import state_sentence
from plldb.cli.bootstrap.findings import examined_line, finding_lines
from plldb.cli.bootstrap.plans import missing_text, removal_lines, setup_plan_lines
from plldb.cli.bootstrap.stack import (
    action_line,
    event_row,
    finished_line,
    operation_line,
    previous_failure_lines,
)
from plldb.cli.bootstrap.status import attach_line, status_lines
from plldb.cli.header import target_lines
from plldb.cli.hints import RegionWords
from plldb.cli.output.layout import Item, Line, last_line
from plldb.cli.output.text import counted, duration, size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from plldb.bootstrap.events import Event
    from plldb.cli.invocation import Invocation
    from plldb.errors import Hint


class Words(RegionWords):
    """Fed with the events of one region in order, puts each into words."""

    def __init__(self, asked: Invocation, region: str | None) -> None:
        super().__init__(asked, region)
        self._artifacts: list[ArtifactReady] = []
        self._unknown = 0
        self._deployed = True  # as far as the doctor has found
        self._remedy: Hint | None = None

    def say(self, event: Event | BootstrapStatus, now: datetime) -> list[Item]:
        """Return what is to be said now that ``event`` has come; nothing while a stage goes on."""
        if isinstance(event, ArtifactReady):
            self._artifacts.append(event)
            return []
        return [*self._artifact_lines(), *self._say(event, now)]

    def _say(self, event: Event | BootstrapStatus, now: datetime) -> list[Item]:
        match event:
            case Started(operation=operation):
                self.target = event.target
                return [] if operation == "doctor" else [*header_lines(event)]  # its findings say the same
            case BucketDelayed():
                return [_delay_line(event)]
            case BucketReady():
                return [_bucket_line(event)]
            case ArtifactReady():
                return []
            case PartsMissing():
                return [Line(mark="warn", name="missing", text=missing_text(part)) for part in event.missing]
            case TemplatePublished(key=key, size=count):
                return [Line(mark="done", name="template", text=f"{key}, {size(count)}")]
            case PreviousFailure():
                return previous_failure_lines(event)
            case ActionDecided():
                return [action_line(event)]
            case OperationStarted():
                return [operation_line(event)]
            case StackEvent():
                return [event_row(event)]
            case EventsDelayed(reason=reason, seconds=seconds):
                text = f"AWS is slow to answer ({reason}); next look in {duration(seconds)}"
                return [Line(mark="warn", name="events", text=text, tone="dim")]
            case OperationFinished():
                return [finished_line(event)]
            case SetupFinished():
                return [*_deployed_lines(event), attach_line(self.where)]
            case SetupPlanned():
                return [*setup_plan_lines(event), *self._do_it("setup")]
            case RemovalPlanned():
                return self._removal_lines(event)
            case BucketEmptied(versions=count):
                return [
                    Line(
                        mark="busy", name="bucket", text=f"{counted(count, 'object version')} removed so far"
                    )
                ]
            case BucketDeleted(bucket=bucket):
                return [Line(mark="done", name="bucket", text=f"{bucket} deleted")]
            case BucketKept():
                return [_kept_line(event)]
            case DestroyFinished():
                return [_destroyed_line(event)]
            case WatchFinished(stack_name=name, status=status):
                text = f"there is no stack {name}" if status is None else state_sentence(name, status)
                return [Line(mark="done", name="stack", text=text)]
            case Finding():
                return self._finding_lines(event)
            case DoctorFinished():
                return [examined_line(event, self._unknown), *self._after_doctor(event)]
            case BootstrapStatus():
                self.target = event.target
                return [*status_lines(event, self.where, now)]
            case _:
                assert_never(event)

    def _finding_lines(self, event: Finding) -> list[Item]:
        self._unknown += event.verdict == "unknown"
        self._deployed &= event.check not in ("stack", "bucket") or event.remedy is None
        told, self._remedy = self._remedy, event.remedy
        # A caller without any rights would read the same sentence a hundred times.
        new = replace(event, remedy=None) if event.remedy == told else event
        return finding_lines(new, self.asked, self.where, self.target)

    def _after_doctor(self, event: DoctorFinished) -> list[Line]:
        if event.outcome != "ready" or self._unknown:
            return []
        if self._deployed:
            return [attach_line(self.where)]
        return self._next("setup", "deploys, or updates what is deployed")

    def _next(self, name: str, does: str, options: Sequence[str] = ()) -> list[Line]:
        return [Line(name="next", text=f"`{self.where.command('bootstrap', name, options=options)}` {does}")]

    def _do_it(self, name: str) -> list[Line]:
        return self._next(name, "does it", [word for word in self.asked.words if word != "--dry-run"])

    def _removal_lines(self, event: RemovalPlanned) -> list[Item]:
        if not self.asked.values.get("dry_run", False):
            return [*removal_lines(event, dry_run=False)]
        there = event.stack_status is not None or event.bucket is not None
        return [*removal_lines(event, dry_run=True), *(self._do_it("destroy") if there else [])]

    def _artifact_lines(self) -> list[Item]:
        """One line for all artifacts, said when the next stage begins."""
        artifacts, self._artifacts = self._artifacts, []
        if not artifacts:
            return []
        uploaded = [artifact.function_name for artifact in artifacts if artifact.uploaded]
        if not uploaded:
            return [
                Line(mark="same", name="artifacts", text=f"all {len(artifacts)} in place, nothing uploaded")
            ]
        same = len(artifacts) - len(uploaded)
        rest = f"; {same} unchanged" if same else ""
        return [Line(mark="done", name="artifacts", text=f"uploaded {', '.join(uploaded)}{rest}")]


def header_lines(event: Started) -> list[Line]:
    """Say who acts where."""
    what = f"dry run of {event.operation}" if event.dry_run else event.operation
    text = f"{event.plldb_version}, {what} of stack {event.stack_name}"
    return [Line(name="plldb", text=text, tone="strong"), *target_lines(event.target)]


def _delay_line(event: BucketDelayed) -> Line:
    why = {
        "name_in_use": f"S3 is still deleting an earlier bucket of the name {event.bucket}",
        "versioning": f"versioning of {event.bucket} was just turned on and is not in effect yet",
    }
    text = f"{why[event.reason]}; waiting up to {duration(event.seconds)}"
    return Line(mark="warn", name="bucket", text=text, tone="dim")


def _bucket_line(event: BucketReady) -> Line:
    if event.created:
        return Line(mark="done", name="bucket", text=f"{event.bucket} created")
    if event.repaired:
        return Line(mark="done", name="bucket", text=f"{event.bucket}, repaired: {', '.join(event.repaired)}")
    return Line(mark="same", name="bucket", text=f"{event.bucket} in place")


def _deployed_lines(event: SetupFinished) -> list[Item]:
    what = "deployed" if event.changed else "nothing to change, the deployment is up to date"
    lines: list[Item] = [last_line(what, good=True)]
    lines += [Line(text=f"{name}: {value}") for name, value in event.deployment.outputs.items()]
    return lines


def _kept_line(event: BucketKept) -> Line:
    if event.reason == "asked":
        return Line(mark="same", name="bucket", text=f"{event.bucket} kept, as asked")
    text = f"{event.bucket} kept: it holds what plldb did not put there: {', '.join(event.found)}"
    return Line(mark="warn", name="bucket", text=text)


def _destroyed_line(event: DestroyFinished) -> Line:
    if not event.changed:
        return last_line("nothing was there, nothing to do", good=True)
    rest = "removed; the bucket stays" if event.bucket_kept else "removed, nothing is left"
    return last_line(rest, good=True)
