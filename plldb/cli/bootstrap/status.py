"""The state of what is deployed, in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.cli.bootstrap.explain import failure_lines, state_sentence
from plldb.cli.bootstrap.plans import missing_text
from plldb.cli.header import target_lines
from plldb.cli.output.layout import Line, last_line, warning
from plldb.cli.output.text import age

if TYPE_CHECKING:
    from datetime import datetime

    from plldb.bootstrap.events.looks import BootstrapStatus
    from plldb.cli.hints import Where


def status_lines(status: BootstrapStatus, where: Where, now: datetime) -> list[Line]:
    """Return what is deployed, on one screen."""
    return [
        verdict(status),
        *target_lines(status.target),
        _version_line(status),
        *_stack_lines(status, now),
        *_failure_lines(status),
        *(Line(mark="fail", name="missing", text=missing_text(part)) for part in status.missing),
        *(Line(mark="same", name="unknown", text=f"not examined: {why}") for why in status.unexamined),
        _bucket_line(status),
        *(Line(name="output", text=f"{name}: {value}") for name, value in status.outputs.items()),
        *_next_lines(status, where),
    ]


def verdict(status: BootstrapStatus) -> Line:
    """Return the one line that says how things are."""
    if status.healthy:
        return last_line("deployed and healthy", good=True)
    if status.stack_status is None:
        return last_line("not deployed", good=False)
    if not status.made_by_plldb:
        return last_line("not deployed: another tool made the stack of that name", good=False)
    if status.stack_status.in_progress:
        return Line(mark="busy", name="plldb", text="the stack is being changed right now", tone="warn")
    if not status.stack_status.works:
        return last_line("not healthy: the stack is incomplete", good=False)
    what = "parts of it are missing" if status.bucket_exists else "the bucket is missing"
    return last_line(f"deployed, but {what}", good=False)


def _failure_lines(status: BootstrapStatus) -> list[Line]:
    if not status.failures:
        return []
    return [Line(name="why", text="the last operation failed:"), *failure_lines(status.failures)]


def _next_lines(status: BootstrapStatus, where: Where) -> list[Line]:
    """Return the next command, where there is one."""
    setup = where.command("bootstrap", "setup")
    if status.stack_status is None:
        way = f"`{setup}` deploys it"
    elif not status.made_by_plldb:
        way = "use another account or region; plldb never changes that stack"
    elif status.stack_status.in_progress:
        way = f"`{where.command('bootstrap', 'watch')}` follows the change"
    elif not status.healthy:
        way = f"`{setup}` repairs it"
    elif status.deployed_version != status.installed_version:
        way = f"`{setup}` deploys the installed version"
    else:
        return [attach_line(where)]
    return [Line(name="next", text=way)]


def attach_line(where: Where) -> Line:
    """Say what a deployment is for."""
    return Line(name="next", text=f"`{where.command('attach', 'STACK')}` debugs your stack STACK")


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
    return warning("version", f"{installed} installed, {status.deployed_version} deployed")


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


def _bucket_line(status: BootstrapStatus) -> Line:
    deployed = status.stack_status is not None and status.made_by_plldb
    if not deployed and not status.bucket_exists:
        return Line(name="bucket", text=f"{status.bucket} does not exist")
    if status.bucket_exists:
        return Line(mark="done", name="bucket", text=status.bucket)
    return Line(mark="fail", name="bucket", text=f"{status.bucket} does not exist")
