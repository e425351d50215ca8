"""Of the failures that DescribeEvents tells, those of this operation are shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

import pytest

from plldb.bootstrap.errors import StackFailedError
from plldb.bootstrap.events.stack import Failure
from plldb.bootstrap.stack.client import Stack
from plldb.bootstrap.stack.history import Request
from plldb.bootstrap.stack.outcome import check
from plldb.bootstrap.stack.statuses import Status
from plldb.bootstrap.stack.timeline import Timeline
from tests.unit.bootstrap.stack.histories import BEGAN, FAILED_UPDATE, STACK_ID, history, newest_first

FAILURE = Failure(
    logical_id="Nested",
    resource_type="AWS::Test::Nested",
    physical_id="the-Nested",
    status=Status("CREATE_FAILED"),
    reason="what only DescribeEvents knows",
    timestamp=BEGAN + timedelta(seconds=2),
    seconds=None,
    template_line=None,
)


@dataclass
class ScriptedStack:
    """What `check` takes of a stack."""

    failures: list[Failure]
    name: str = "plldb"

    async def read_failed_events(self, stack_id: str) -> list[Failure]:
        assert stack_id == STACK_ID
        return self.failures


async def failures_of(*found: Failure) -> list[str]:
    timeline = Timeline(operation="update", request=Request())
    timeline.take(newest_first(history(*FAILED_UPDATE)))
    with pytest.raises(StackFailedError) as raised:
        await check(cast("Stack", ScriptedStack([*found])), STACK_ID, timeline, None)
    return [failure.reason for failure in raised.value.failures]


async def test_what_only_describe_events_knows_is_told_after_what_the_stream_has_told() -> None:
    assert await failures_of(FAILURE) == ["The code is too large", FAILURE.reason]


async def test_what_the_stream_has_told_already_is_not_told_again() -> None:
    again = replace(FAILURE, logical_id="Function", reason="The code is too large")
    assert await failures_of(again) == ["The code is too large"]


async def test_failures_of_an_operation_before_are_not_those_of_this_one() -> None:
    yesterday = replace(FAILURE, timestamp=BEGAN - timedelta(days=1))
    assert await failures_of(yesterday) == ["The code is too large"]


async def test_cancellations_are_no_causes_there_either() -> None:
    cancelled = replace(FAILURE, reason="Resource update cancelled")
    assert await failures_of(cancelled) == ["The code is too large"]
