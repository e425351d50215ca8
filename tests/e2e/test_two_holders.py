"""Two sessions with different conditions on one function: whatever the order, each ends as if alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from plldb.aws.place import Target
from plldb.debugger.arming.holders import MOST, Holder
from plldb.debugger.arming.mutex import hash_token, list_holds
from plldb.debugger.arming.operate import Armed, Refused, arm_again
from plldb.debugger.arming.settings import read_arms
from plldb.debugger.attaching.plan import Me, Place, find_place
from plldb.debugger.wire import prove, session_name
from tests.e2e.arming import ANNA, BORIS, TOKEN, World, is_killed_at, make_world
from tests.support.behaviours import nth, on
from tests.support.environment import REGION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import OpenClient
    from tests.support.proxy import Proxy

OF_ANNA, OF_BORIS = ("who=anna",), ("who=boris",)
CLARA = Holder(session="AIDA3#three", who="arn:aws:iam::123456789012:user/clara", host="tower", stack="shop")


@pytest_asyncio.fixture
async def world(proxy: Proxy, open_client: OpenClient) -> AsyncIterator[World]:
    async with make_world(proxy, open_client) as made:
        yield made


def me(*where: str) -> Me:
    """Somebody who would take it over, on these conditions."""
    target = Target(
        account="123456789012", region=REGION, partition="aws", caller_arn="arn:me", endpoint_url=None
    )
    return Me(target=target, host="tower", where=where, takes_over=True)


async def check_held(world: World, *holders: Holder) -> None:
    """Its row names these, with proofs by the token that its agent has: it sends to nobody else."""
    (hold,) = await list_holds(world.places.table)
    assert [each.holder for each in hold.holders] == [*holders]
    arms = read_arms((await world.deployed())["variables"])
    assert arms
    assert hash_token(arms.token) == hold.token_hash
    for each in hold.holders:
        assert each.proof == prove(session_name(each.holder.session), arms.token, each.where)


async def check_gone(world: World, before: object) -> None:
    assert await world.deployed() == before
    assert await list_holds(world.places.table) == ()


async def test_two_that_join_at_once_have_one_token_and_the_last_that_leaves_restores(world: World) -> None:
    before = await world.deployed()
    for _ in range(3):
        both = await asyncio.gather(world.arm(where=OF_ANNA), world.arm(BORIS, where=OF_BORIS))
        first, second = sorted(both, key=lambda each: len(each.others) if isinstance(each, Armed) else 2)
        assert isinstance(first, Armed)
        assert isinstance(second, Armed)
        assert first.before.settings == second.before.settings
        order = [ANNA, BORIS] if first is both[0] else [BORIS, ANNA]
        assert [each.holder for each in second.others] == order[:1]
        await check_held(world, *order)
        left = await asyncio.gather(world.restore(), world.restore(BORIS))
        assert sorted(getattr(each, "how", "") for each in left) == ["left", "restored"]
        await check_gone(world, before)


async def test_whoever_is_excluded_is_refused_and_takes_it_from_all(world: World) -> None:
    before = await world.deployed()
    await world.arm(where=OF_ANNA)
    (anna,) = await list_holds(world.places.table)
    await world.arm(BORIS, where=OF_BORIS)
    held = await list_holds(world.places.table)
    late = await world.arm(CLARA, where=OF_ANNA, taken=anna, takes_over=True)
    assert isinstance(late, Refused)
    assert late.held
    assert late.held.who == BORIS.who  # of whom she was not asked
    for where, names in ((OF_BORIS, ["boris"]), ((), ["anna", "boris"])):
        refused = await world.arm(CLARA, where=where)
        assert isinstance(refused, Refused)
        assert [
            name for name in ("anna", "boris") if f"user/{name} has it" in refused.refusal.message
        ] == names
        assert await list_holds(world.places.table) == held
    assert isinstance(await world.arm(CLARA, taken=held[0], takes_over=True), Armed)
    await check_held(world, CLARA)
    for each, where in ((ANNA, OF_ANNA), (BORIS, OF_BORIS)):
        assert isinstance(await world.restore(each), Refused)
        lost = await arm_again(world.places, world.name, world.plan(each, where=where), TOKEN)
        assert isinstance(lost, Refused)
        assert (lost.refusal.reason, lost.held and lost.held.who) == ("held", CLARA.who)
    await world.restore(CLARA)
    await check_gone(world, before)


async def test_a_killed_one_leaves_nothing_once_its_lease_is_over(world: World) -> None:
    before = await world.deployed()
    await world.arm(where=OF_ANNA)
    await world.arm(BORIS, where=OF_BORIS, hours=-1)
    await check_held(world, ANNA, BORIS)
    await world.arm(CLARA, where=("who=clara",))
    await check_held(world, ANNA, CLARA)
    await world.restore()
    await check_held(world, CLARA)
    await world.restore(CLARA)
    await check_gone(world, before)


async def test_after_a_deployment_both_arm_it_again_and_both_are_still_there(world: World) -> None:
    await world.arm(where=OF_ANNA)
    await world.arm(BORIS, where=OF_BORIS)
    await world.client.update_function_configuration(
        FunctionName=world.name,
        Timeout=21,
        Layers=[world.other_layer],
        Environment={"Variables": {"NEW": "1"}},
    )
    before = await world.deployed()
    plans = [world.plan(ANNA, where=OF_ANNA), world.plan(BORIS, where=OF_BORIS)]
    outcomes = await asyncio.gather(*[arm_again(world.places, world.name, plan, TOKEN) for plan in plans])
    assert [each.before.settings.timeout for each in outcomes if isinstance(each, Armed)] == [21, 21]
    await check_held(world, ANNA, BORIS)
    await world.restore(BORIS)
    refused = await arm_again(world.places, world.name, plans[1], TOKEN)
    assert isinstance(refused, Refused)
    assert refused.refusal.reason == "given-back"
    await world.restore()
    await check_gone(world, before)


async def test_no_more_join_than_credentials_can_name(world: World) -> None:
    before = await world.deployed()
    several = [replace(CLARA, session=f"AIDA3#{number}") for number in range(MOST + 1)]
    *sessions, last = [(each, (f"who={each.session}",)) for each in several]
    for each, where in sessions:
        assert isinstance(await world.arm(each, where=where), Armed)
    refused = await world.arm(last[0], where=last[1])
    assert isinstance(refused, Refused)
    assert refused.refusal.reason == "held"
    assert "8 sessions share it, and no more can" in refused.refusal.message
    place = await find_place(world.places.table.aws, world.places, await world.look(), me(*last[1]))
    assert isinstance(place, Place)
    assert place.taken
    assert len(place.instead_of) == MOST
    for each, _ in sessions:
        await world.restore(each)
    await check_gone(world, before)


async def test_a_function_that_was_deployed_under_killed_ones_can_be_taken_over(world: World) -> None:
    before = await world.deployed()
    await world.arm(where=OF_ANNA)
    joins = await find_place(world.places.table.aws, world.places, await world.look(), me(*OF_BORIS))
    assert isinstance(joins, Place)
    assert not joins.taken
    await world.client.update_function_configuration(
        FunctionName=world.name,
        Timeout=before["timeout"],
        Layers=before["layers"],
        Environment={"Variables": before["variables"]},
    )
    place = await find_place(world.places.table.aws, world.places, await world.look(), me(*OF_BORIS))
    assert isinstance(place, Place)
    assert place.taken
    assert isinstance(await world.arm(BORIS, where=OF_BORIS, taken=place.hold), Armed)
    await check_held(world, BORIS)
    await world.restore(BORIS)
    await check_gone(world, before)


async def test_what_was_deployed_before_one_joins_is_put_back_whatever_is_deployed_next(world: World) -> None:
    await world.arm(where=OF_ANNA)
    await world.client.update_function_configuration(FunctionName=world.name, Timeout=21)
    await world.arm(BORIS, where=OF_BORIS)
    await world.client.update_function_configuration(FunctionName=world.name, Environment={"Variables": {}})
    again = await arm_again(world.places, world.name, world.plan(where=OF_ANNA), TOKEN)
    assert isinstance(again, Armed)
    assert again.before.settings.timeout == 21
    await world.restore()
    await world.restore(BORIS)
    assert (await world.deployed())["timeout"] == 21


async def test_one_comes_or_goes_while_the_other_is_about_to_write(world: World, proxy: Proxy) -> None:
    before = await world.deployed()
    moments = {
        "joins": ("PutItem", "UpdateFunctionConfiguration"),
        "leaves": ("GetItem", "UpdateFunctionConfiguration", "DeleteItem"),
    }
    for doing, operation in [(doing, each) for doing, several in moments.items() for each in several]:
        await world.arm(where=OF_ANNA)
        works: list[asyncio.Task[Any]] = []

        async def meet(call: Any, forward: Any, doing: str = doing, works: list[Any] = works) -> Any:
            proxy.use()
            other = world.restore() if doing == "joins" else world.arm(BORIS, where=OF_BORIS)
            works.append(asyncio.create_task(other))
            # Who comes while the last one goes waits for the row to be gone: not longer than that.
            await asyncio.wait(works, timeout=0.5)
            return await forward(call)

        proxy.use(on(meet, operation, when=nth(1)))
        mine = await (world.arm(BORIS, where=OF_BORIS) if doing == "joins" else world.restore())
        (theirs,) = await asyncio.gather(*works)
        assert isinstance(mine if doing == "joins" else theirs, Armed), f"{doing}: {operation}"
        await check_held(world, BORIS)
        await world.restore(BORIS)
        await check_gone(world, before)


async def test_a_joiner_that_is_killed_after_any_request_leaves_the_other_alone(
    world: World, proxy: Proxy
) -> None:
    before = await world.deployed()
    await world.arm(where=OF_ANNA)
    for number in range(1, 40):
        killed = await is_killed_at(number, proxy, world.arm(BORIS, where=OF_BORIS))
        await world.restore(BORIS)
        await check_held(world, ANNA)
        if not killed:
            await world.restore()
            await check_gone(world, before)
            return
    raise AssertionError("joining does not come to its end")
