"""Who is attached to what, in words. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plldb.cli.header import target_lines
from plldb.cli.output.layout import Line, warning
from plldb.cli.output.text import age, counted, duration, short_time

if TYPE_CHECKING:
    from plldb.cli.hints import Where
    from plldb.debugger.events.restore import FunctionHolder, HeldFunction
    from plldb.debugger.events.status import AttachedSession, DebuggerStatus, InvocationRecord


def status_lines(status: DebuggerStatus, where: Where, now: datetime) -> list[Line]:
    """Return who is attached to what, on one screen."""
    taken = [each for each in status.functions if each.armed or each.holders]
    published = [(each, version) for each in status.functions for version in each.versions]
    return [
        Line(
            mark="busy" if taken else "done",
            name="plldb",
            text=status_text(status),
            tone="plain" if taken else "good",
        ),
        *target_lines(status.target),
        *(_session_line(each, now) for each in status.sessions),
        *(line for each in taken for line in _function_lines(each, now)),
        *(_version_line(each, version) for each, version in published),
        *(_invocation_line(each) for each in status.invocations),
        *_next_lines(status, taken, where, now),
    ]


def status_text(status: DebuggerStatus) -> str:
    """Say how things are."""
    taken = sum(each.armed or bool(each.holders) for each in status.functions)
    what = f" of {stacks_text(status.stack_name)}" if status.stack_name else ""
    if not taken:
        return f"no function{what} is armed"
    attached = sum(each.connected for each in status.sessions)
    return f"{counted(taken, 'function')}{what} armed, {counted(attached, 'session')} attached"


def stacks_text(names: str) -> str:
    """Name a stack, or several with commas between them; empty for none."""
    return f"stack{'s' if ',' in names else ''} {names}" if names else ""


def person(arn: str) -> str:
    """Return the part of a caller's ARN that names somebody: ``user/ada``."""
    return arn.rpartition(":")[2]


def ago(since: int, now: datetime) -> str:
    """Say since when, in the largest unit that fits."""
    return f"for {age(now.timestamp() - since)}"


def _left(until: int, now: datetime) -> str:
    seconds = until - now.timestamp()
    return f"ends in {duration(seconds)}" if seconds > 0 else "has ended"


def _session_line(session: AttachedSession, now: datetime) -> Line:
    what = f" to {stacks_text(session.stack)}" if session.stack else ""
    text = f"{person(session.who)} on {session.host}{what}, {ago(session.since, now)}; "
    if not session.connected:
        text += "not connected: it was killed, or its machine is away"
        return warning("session", text)
    return Line(mark="busy", name="attached", text=text + _left(session.until, now))


def _function_lines(function: HeldFunction, now: datetime) -> list[Line]:
    if not function.holders:
        text = f"{function.function}: nobody holds it any more"
        return [warning("armed", text)]
    what = "" if function.armed else ", not armed (yet)"
    name = "armed" if function.armed else "held"
    return [
        Line(mark="busy", name=name, text=f"{function.function}{what}: {_holder_text(each, now)}")
        for each in function.holders
    ]


def _holder_text(holder: FunctionHolder, now: datetime) -> str:
    who = f"{person(holder.who)} on {holder.host}, {ago(holder.since, now)}"
    return f"{who}; lease {_left(holder.lease_until, now)}{_only(holder)}"


def held_text(holder: FunctionHolder, now: datetime) -> str:
    """Say who holds a function, where, since when and on which conditions."""
    return f"{person(holder.who)} on {holder.host}, {ago(holder.since, now)}{_only(holder)}"


def _only(holder: FunctionHolder) -> str:
    return f"; only {where_text(holder.where)}" if holder.where else ""


def where_text(where: tuple[str, ...]) -> str:
    """Say on which conditions an invocation is taken."""
    return f"where {' and '.join(where)}"


def _version_line(function: HeldFunction, version: str) -> Line:
    aliases = ", ".join(function.versions[version])
    which = f"{version} of {function.function}{f' ({aliases})' if aliases else ''}"
    text = f"{which} has the debugger's layer, and runs as deployed"
    return warning("version", text)


def _invocation_line(record: InvocationRecord) -> Line:
    when = f"{datetime.fromtimestamp(record.at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    again = f", attempt {record.attempts}" if record.attempts > 1 else ""
    how = f"{record.outcome} after {short_time(record.seconds)}" if record.outcome else "not ended"
    text = f"{when} {record.function}{again}: {how} ({person(record.who)}, {record.request_id})"
    return Line(name="invocation", text=text)


def _next_lines(status: DebuggerStatus, taken: list[HeldFunction], where: Where, now: datetime) -> list[Line]:
    """Return the command that puts back what nobody uses any more."""
    connected = {(each.who, each.host) for each in status.sessions if each.connected}

    def is_over(holder: FunctionHolder) -> bool:
        mine = holder.who == status.target.caller_arn
        return holder.lease_until <= now.timestamp() or (mine and (holder.who, holder.host) not in connected)

    if not any(all(map(is_over, each.holders)) for each in taken):
        return []
    stacks = status.stack_name.split(", ") if status.stack_name else ["--all"]
    command = where.command("restore", options=stacks)
    return [Line(name="next", text=f"`{command}` puts back what nobody uses any more")]
