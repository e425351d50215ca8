"""The bucket, its objects or the stack deleted or overwritten by hand, between runs and in the middle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.faults.baseline import COLD, DESTROY, UPDATE, Baseline, Scenario
from tests.faults.harm import Harm
from tests.faults.library import run, succeed
from tests.faults.state import Hands
from tests.support.behaviours import first, on
from tests.support.environment import invent_account
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.wire import Response

Deed = Callable[[Hands], Awaitable[None]]


async def delete_stack_and_bucket(hands: Hands) -> None:
    await hands.delete_stack()
    await hands.delete_bucket()


DEEDS: dict[str, Deed] = {
    "bucket deleted": Hands.delete_bucket,
    "objects deleted with all versions": Hands.delete_objects,
    "objects hidden by delete markers": Hands.mark_objects_deleted,
    "packages overwritten": Hands.overwrite_packages,
    "stack deleted": Hands.delete_stack,
    "stack and bucket deleted": delete_stack_and_bucket,
}


@dataclass(frozen=True, slots=True)
class ByHand:
    """A behaviour: somebody does something just before the request arrives."""

    deed: Deed
    hands: Hands

    async def __call__(self, call: Call, forward: Forward) -> Response:
        await self.deed(self.hands)
        return await forward(call)


@pytest.mark.parametrize("deed", DEEDS)
async def test_what_was_done_by_hand_between_runs_is_healed_by_setup_and_no_obstacle_to_destroy(
    ministack: str, baseline: Baseline, deed: str
) -> None:
    hands = Hands(ministack, invent_account())
    await succeed("setup", hands.account, ministack)
    await DEEDS[deed](hands)
    assert (await succeed("setup", hands.account, ministack)).changed
    assert baseline.is_right("setup", await hands.inventory())
    assert not (await succeed("setup", hands.account, ministack)).changed
    await DEEDS[deed](hands)
    await succeed("destroy", hands.account, ministack)
    assert (await hands.inventory()).empty


@pytest.mark.parametrize(
    ("scenario", "operation", "deed"),
    [
        (COLD, "PutBucketPolicy", "bucket deleted"),
        (COLD, "PutObject", "bucket deleted"),
        (COLD, "HeadObject", "objects deleted with all versions"),
        (COLD, "CreateStack", "bucket deleted"),
        (COLD, "CreateStack", "objects deleted with all versions"),
        (COLD, "CreateStack", "packages overwritten"),
        (COLD, "DescribeStackEvents", "stack deleted"),
        (UPDATE, "PutObject", "bucket deleted"),
        (UPDATE, "PutObject", "packages overwritten"),
        (UPDATE, "UpdateStack", "objects deleted with all versions"),
        (UPDATE, "UpdateStack", "stack deleted"),
        (UPDATE, "DescribeStackEvents", "stack deleted"),
        (DESTROY, "DeleteStack", "stack deleted"),
        (DESTROY, "DeleteStack", "bucket deleted"),
        (DESTROY, "DeleteObjects", "bucket deleted"),
        (DESTROY, "DeleteObjects", "packages overwritten"),
        (DESTROY, "DeleteBucket", "bucket deleted"),
    ],
    ids=lambda value: str(getattr(value, "name", value)),
)
async def test_what_is_done_by_hand_in_the_middle_is_survived_or_said_and_the_next_run_ends_right(
    ministack: str,
    proxy: Proxy,
    baseline: Baseline,
    scenario: Scenario,
    operation: str,
    deed: str,
) -> None:
    hands = await scenario.prepare(ministack, baseline.accounts)
    harm = Harm()
    harm.befall(hands.account, operation, ByHand(DEEDS[deed], hands), first(1))
    proxy.use(on(harm))
    ran = await run(scenario.command, hands.account, proxy.url, **scenario.options)
    assert harm.done[hands.account]
    if ran.error is not None:
        assert ran.error.hint
        assert "\n" not in ran.error.message
    await succeed(scenario.command, hands.account, ministack, **scenario.options)
    assert baseline.is_right(scenario.command, await hands.inventory())
