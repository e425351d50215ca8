"""Histories of a stack for tests, written as one line an event. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from plldb.bootstrap.stack.history import RawEvent
from plldb.bootstrap.stack.statuses import Status
from plldb.bootstrap.template import TemplateResource

STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/plldb/1"
BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)
OURS = "plldb-create-1"
THEIRS = "Console-DeleteStack-1"


def history(*lines: str, token: str = "", operation_id: str = "", first: int = 0) -> list[RawEvent]:
    """Events, oldest first, a second apart: ``who STATUS reason…``; ``plldb`` is the stack itself.

    The id of each event is its second, beginning with ``first``.
    """
    return [_event(first + n, line, token, operation_id) for n, line in enumerate(lines)]


def _event(number: int, line: str, token: str, operation_id: str) -> RawEvent:
    who, status, *reason = line.split(maxsplit=2)
    is_stack = who == "plldb"
    return RawEvent(
        event_id=f"e{number}",
        timestamp=BEGAN + timedelta(seconds=number),
        logical_id=who,
        physical_id=STACK_ID if is_stack else f"the-{who}",
        resource_type="AWS::CloudFormation::Stack" if is_stack else f"AWS::Test::{who}",
        status=Status(status),
        reason=" ".join(reason),
        detailed_status="",
        is_stack=is_stack,
        token=token,
        operation_id=operation_id,
    )


def at(second: float, event: RawEvent) -> RawEvent:
    """The event at another time."""
    return replace(event, timestamp=BEGAN + timedelta(seconds=second))


def newest_first(events: Sequence[RawEvent]) -> list[RawEvent]:
    """The order in which CloudFormation tells them."""
    return [*reversed(events)]


def resources(*names: str) -> tuple[TemplateResource, ...]:
    """Resources on the lines 10, 20, …"""
    return tuple(
        TemplateResource(logical_id=name, resource_type=f"AWS::Test::{name}", line=10 * n)
        for n, name in enumerate(names, start=1)
    )


CREATION = (
    "plldb CREATE_IN_PROGRESS User Initiated",
    "Table CREATE_IN_PROGRESS",
    "Role CREATE_IN_PROGRESS",
    "Role CREATE_IN_PROGRESS Resource creation Initiated",
    "Table CREATE_IN_PROGRESS Resource creation Initiated",
    "Role CREATE_COMPLETE",
    "Table CREATE_COMPLETE",
    "plldb CREATE_COMPLETE",
)
FAILED_CREATION = (
    "plldb CREATE_IN_PROGRESS User Initiated",
    "Table CREATE_IN_PROGRESS",
    "Role CREATE_IN_PROGRESS",
    "Table CREATE_FAILED PLLDBSessions already exists",
    "Role CREATE_FAILED Resource creation cancelled",
    "plldb ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Table, Role].",
    "Role DELETE_IN_PROGRESS",
    "Role DELETE_COMPLETE",
    "plldb ROLLBACK_COMPLETE",
)
DELETION = (
    "plldb DELETE_IN_PROGRESS User Initiated",
    "Table DELETE_IN_PROGRESS",
    "Role DELETE_IN_PROGRESS",
    "Role DELETE_COMPLETE",
    "Table DELETE_COMPLETE",
    "plldb DELETE_COMPLETE",
)
UPDATE = (
    "plldb UPDATE_IN_PROGRESS User Initiated",
    "Function UPDATE_IN_PROGRESS",
    "Function UPDATE_COMPLETE",
    "plldb UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "plldb UPDATE_COMPLETE",
)
FAILED_UPDATE = (
    "plldb UPDATE_IN_PROGRESS User Initiated",
    "Function UPDATE_IN_PROGRESS",
    "Function UPDATE_FAILED The code is too large",
    "plldb UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Function].",
    "Function UPDATE_COMPLETE",
    "plldb UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "plldb UPDATE_ROLLBACK_COMPLETE",
)
