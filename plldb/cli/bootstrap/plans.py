"""What a setup or a destroy would do, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.bootstrap.events.destroy import RemovalPlanned
from plldb.cli.output.layout import Line, last_line
from plldb.cli.output.text import counted

if TYPE_CHECKING:
    from plldb.bootstrap.events.setup import ResourceChange, SetupPlanned, StackPart


UNCHANGED = last_line("dry run: nothing was changed", good=True)


def setup_plan_lines(plan: SetupPlanned) -> list[Line]:
    """Return what setup would do."""
    return [
        _planned_bucket(plan),
        *(
            Line(
                mark="same" if a.change == "same" else "busy",
                name="artifact",
                text=f"{a.function_name}: {a.change}",
            )
            for a in plan.artifacts
        ),
        *(Line(mark="warn", name="missing", text=missing_text(part)) for part in plan.missing),
        _planned_action(plan),
        *(_change_line(change) for change in plan.changes),
        UNCHANGED,
    ]


def missing_text(part: StackPart) -> str:
    """Say that somebody has deleted a part of the stack."""
    kind = {"AWS::DynamoDB::Table": "table", "AWS::Lambda::Function": "function"}.get(
        part.resource_type, "API"
    )
    return f"the {kind} {part.name} ({part.logical_id}) is gone: somebody has deleted it"


def _planned_bucket(plan: SetupPlanned) -> Line:
    if plan.bucket_change == "create":
        return Line(mark="busy", name="bucket", text=f"would create {plan.bucket}")
    if plan.bucket_change == "repair":
        return Line(
            mark="busy", name="bucket", text=f"would repair: {', '.join(plan.repairs)} of {plan.bucket}"
        )
    return Line(mark="same", name="bucket", text=f"{plan.bucket} in place")


def _planned_action(plan: SetupPlanned) -> Line:
    if plan.action == "nothing":
        return Line(mark="same", name="stack", text=f"nothing to do: {plan.reason}")
    return Line(mark="busy", name="stack", text=f"would {plan.action}: {plan.reason}")


def _change_line(change: ResourceChange) -> Line:
    replaced = {"true": ", REPLACED", "conditional": ", perhaps replaced", "false": ""}[change.replacement]
    text = f"{change.action.lower()} {change.logical_id} ({change.resource_type}){replaced}"
    return Line(mark="warn" if replaced else "busy", name="change", text=text)


def question(event: object) -> str | None:
    """Return what a person is asked once ``event`` has come; None for nothing."""
    if not isinstance(event, RemovalPlanned):
        return None
    stack = [f"the stack {event.stack_name}"] if event.stack_status is not None else []
    what = "what plldb put into the bucket" if event.foreign else "the bucket"
    bucket = [f"{what} {event.bucket}"] if event.bucket is not None and not event.keep_bucket else []
    return f"Delete {' and '.join(stack + bucket)} for good?" if stack or bucket else None


def removal_lines(plan: RemovalPlanned, *, dry_run: bool) -> list[Line]:
    """Return what destroy is about to delete, or in a dry run would delete."""
    will = "would be" if dry_run else "will be"
    return [_removed_stack(plan, will), _removed_bucket(plan, will), *([UNCHANGED] if dry_run else [])]


def _removed_stack(plan: RemovalPlanned, will: str) -> Line:
    if plan.stack_status is None:
        return Line(mark="same", name="stack", text=f"there is no stack {plan.stack_name}")
    text = f"{plan.stack_name} ({plan.stack_status}) with everything in it {will} deleted"
    return Line(mark="warn", name="stack", text=text)


def _removed_bucket(plan: RemovalPlanned, will: str) -> Line:
    if plan.bucket is None:
        return Line(mark="same", name="bucket", text="there is no artifact bucket")
    held = f"{'more than ' if plan.more else ''}{counted(plan.versions, 'object version')}"
    if plan.keep_bucket:
        return Line(mark="same", name="bucket", text=f"{plan.bucket} with {held} {will} kept")
    if plan.foreign:
        found = ", ".join(plan.foreign)
        return Line(
            mark="warn",
            name="bucket",
            text=f"{plan.bucket} {will} kept, because of what plldb did not put there: {found}",
        )
    return Line(mark="warn", name="bucket", text=f"{plan.bucket} with {held} {will} deleted")
