"""Plans and the state of things in words: dry run, removal, status. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.bootstrap.stack.statuses import Status
from plldb.cli.bootstrap.explain import state_sentence
from plldb.cli.output.layout import Line
from plldb.cli.output.text import age, counted

if TYPE_CHECKING:
    from datetime import datetime

    from plldb.bootstrap.events import BootstrapStatus, RemovalPlanned, ResourceChange, SetupPlanned


def setup_plan_lines(plan: SetupPlanned) -> list[Line]:
    """What setup would do."""
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
        _planned_action(plan),
        *(_change_line(change) for change in plan.changes),
        Line(mark="done", name="plldb", text="dry run: nothing was changed", tone="good"),
    ]


def _planned_bucket(plan: SetupPlanned) -> Line:
    if plan.bucket_change == "create":
        return Line(mark="busy", name="bucket", text=f"would create {plan.bucket}")
    if plan.bucket_change == "repair":
        return Line(
            mark="busy", name="bucket", text=f"would put right: {', '.join(plan.repairs)} of {plan.bucket}"
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


def is_anything_there(plan: RemovalPlanned) -> bool:
    """Whether destroy has something to remove."""
    return plan.stack_status is not None or (plan.bucket is not None and not plan.keep_bucket)


def removal_lines(plan: RemovalPlanned) -> list[Line]:
    """What destroy is about to remove."""
    return [_removed_stack(plan), _removed_bucket(plan)]


def _removed_stack(plan: RemovalPlanned) -> Line:
    if plan.stack_status is None:
        return Line(mark="same", name="stack", text=f"there is no stack {plan.stack_name}")
    text = f"{plan.stack_name} ({plan.stack_status}) with everything in it will be deleted"
    return Line(mark="warn", name="stack", text=text)


def _removed_bucket(plan: RemovalPlanned) -> Line:
    if plan.bucket is None:
        return Line(mark="same", name="bucket", text="there is no artifact bucket")
    held = f"{'more than ' if plan.more else ''}{counted(plan.versions, 'object version')}"
    if plan.keep_bucket:
        return Line(mark="same", name="bucket", text=f"{plan.bucket} with {held} will be kept")
    if plan.foreign:
        found = ", ".join(plan.foreign)
        return Line(
            mark="warn", name="bucket", text=f"{plan.bucket} will stay, plldb did not make all in it: {found}"
        )
    return Line(mark="warn", name="bucket", text=f"{plan.bucket} with {held} will be deleted")


def status_lines(status: BootstrapStatus, now: datetime) -> list[Line]:
    """What is deployed, on one screen."""
    target = status.target
    endpoint = [Line(name="endpoint", text=target.endpoint_url, tone="warn")] if target.endpoint_url else []
    return [
        _verdict(status),
        Line(name="account", text=f"{target.account}, region {target.region}"),
        Line(name="caller", text=target.caller_arn),
        *endpoint,
        _version_line(status),
        *_stack_lines(status, now),
        _status_bucket(status),
        *(Line(name="output", text=f"{name}: {value}") for name, value in status.outputs.items()),
        *_next_lines(status),
    ]


def _verdict(status: BootstrapStatus) -> Line:
    if status.healthy:
        return Line(mark="done", name="plldb", text="deployed and healthy", tone="good")
    if status.stack_status is None:
        return Line(mark="fail", name="plldb", text="not deployed", tone="bad")
    if not status.made_by_plldb:
        return Line(
            mark="fail", name="plldb", text="not deployed: the stack of that name is not plldb's", tone="bad"
        )
    if Status(status.stack_status).in_progress:
        return Line(mark="busy", name="plldb", text="the stack is being changed right now", tone="warn")
    if not status.stack_status.works:
        return Line(mark="fail", name="plldb", text="not healthy: the stack is not whole", tone="bad")
    return Line(mark="fail", name="plldb", text="deployed, but the bucket is missing", tone="bad")


def _next_lines(status: BootstrapStatus) -> list[Line]:
    """The way on, where there is one."""
    if status.stack_status is None:
        way = "`plldb bootstrap setup` deploys it"
    elif not status.made_by_plldb:
        way = "use another account or region; plldb never touches that stack"
    elif Status(status.stack_status).in_progress:
        way = "`plldb bootstrap watch` follows the change"
    elif not status.healthy:
        way = "`plldb bootstrap setup` puts it right"
    elif status.deployed_version != status.installed_version:
        way = "`plldb bootstrap setup` deploys the installed version"
    else:
        return []
    return [Line(name="next", text=way)]


def _version_line(status: BootstrapStatus) -> Line:
    installed = status.installed_version
    whole = status.made_by_plldb and status.stack_status is not None and status.stack_status.works
    if status.deployed_version is None:
        return Line(name="version", text=f"{installed} installed, none deployed")
    if not whole:
        text = f"{installed} installed; the stack was made by {status.deployed_version}"
        return Line(name="version", text=text)
    if status.deployed_version == installed:
        return Line(mark="done", name="version", text=f"{installed}, installed and deployed")
    text = f"{installed} installed, {status.deployed_version} deployed"
    return Line(mark="warn", name="version", text=text, tone="warn")


def _stack_lines(status: BootstrapStatus, now: datetime) -> list[Line]:
    if status.stack_status is None:
        return [Line(name="stack", text=f"there is no stack {status.stack_name}")]
    lines = [Line(name="stack", text=state_sentence(status.stack_name, status.stack_status))]
    if status.status_reason:
        lines.append(Line(text=status.status_reason))
    for word, moment in (("created", status.created), ("updated", status.updated)):
        if moment is not None:
            ago = age((now - moment).total_seconds())
            lines.append(Line(name=word, text=f"{moment:%Y-%m-%d %H:%M:%S} UTC, {ago} ago"))
    return lines


def _status_bucket(status: BootstrapStatus) -> Line:
    if status.stack_status is None and not status.bucket_exists:
        return Line(name="bucket", text=f"{status.bucket} does not exist")
    if status.bucket_exists:
        return Line(mark="done", name="bucket", text=status.bucket)
    return Line(mark="fail", name="bucket", text=f"{status.bucket} does not exist")
