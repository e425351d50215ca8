"""Functions of an emulated Lambda are armed and restored, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from plldb.debugger.arming.examine import LARGEST_ENVIRONMENT
from plldb.debugger.arming.functions import find_armed_versions, read_function
from plldb.debugger.arming.mutex import list_holds, read_hold
from plldb.debugger.arming.operate import Armed, Refused, Released, arm, restore
from plldb.debugger.arming.settings import VARIABLE, is_touched
from tests.e2e.arming import ANNA, BORIS, TOKEN, World, is_killed_at, make_world, opened, zipped
from tests.support.answers import access_denied, error, throttled
from tests.support.behaviours import Answer, Reset, every, first, nth, on
from tests.support.wire import Response

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import OpenClient
    from tests.support.behaviours import Behaviour, Forward, Occurrence
    from tests.support.operations import Call
    from tests.support.proxy import Proxy


@pytest_asyncio.fixture
async def world(aws_env: dict[str, str], proxy: Proxy, open_client: OpenClient) -> AsyncIterator[World]:
    async with make_world(proxy, open_client) as made:
        yield made


async def test_a_function_is_armed_with_one_update_and_restored_as_if_nothing_had_been(
    world: World, proxy: Proxy
) -> None:
    before = await world.deployed()
    armed = await world.arm()
    assert isinstance(armed, Armed)
    assert armed.before.settings.timeout == 17
    now = await world.deployed()
    assert now["timeout"] == 899
    assert now["layers"] == [*before["layers"], world.layer]
    assert now["variables"]["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/plldb/wrapper"
    assert len([each for each in proxy.records if each.operation == "UpdateFunctionConfiguration"]) == 1
    hold = await read_hold(world.places.table, armed.arn)
    assert hold is not None
    assert [each.holder for each in hold.holders] == [ANNA]
    assert TOKEN not in repr(hold)
    assert await world.restore() == Released(arn=armed.arn, how="restored")
    assert await world.deployed() == before
    assert await list_holds(world.places.table) == ()
    assert await world.restore() == Released(arn=armed.arn, how="nothing-to-do")


async def test_somebody_elses_function_is_left_alone_and_they_are_named(world: World) -> None:
    assert isinstance(await world.arm(), Armed)
    now = await world.deployed()
    refused = await world.arm(BORIS)
    assert isinstance(refused, Refused)
    assert refused.refusal.reason == "held"
    assert refused.held is not None
    assert [each.holder for each in refused.held.holders] == [ANNA]
    assert re.fullmatch(r"\S+:user/anna has it, on laptop since 20\S+ \S+ UTC", refused.refusal.message)
    assert isinstance(await world.restore(BORIS), Refused)
    assert await world.deployed() == now
    taken = await world.arm(BORIS, taken=refused.held)
    assert isinstance(taken, Armed)
    assert taken.before.settings.timeout == 17
    assert isinstance(await world.restore(ANNA), Refused)
    assert isinstance(await world.restore(BORIS), Released)


async def test_who_had_a_function_has_it_still_if_it_was_taken_and_could_not_be_armed(world: World) -> None:
    assert isinstance(await world.arm(), Armed)
    (hold,) = await list_holds(world.places.table)
    full = {"Variables": {"LARGE": "x" * (LARGEST_ENVIRONMENT - 10)}}
    await world.client.update_function_configuration(FunctionName=world.name, Environment=full)
    refused = await world.arm(BORIS, taken=hold)
    assert isinstance(refused, Refused)
    assert refused.refusal.reason == "environment-size"
    assert await list_holds(world.places.table) == (hold,)


async def test_a_lease_that_has_ended_holds_nobody_up(world: World) -> None:
    own = [world.other_layer, *(await world.deployed())["layers"]]
    more = [await world.publish(name) for name in ("third", "fourth")]
    # With ours there are five, the most that Lambda allows; what an earlier session has left is not counted.
    await world.client.update_function_configuration(FunctionName=world.name, Layers=[*own, *more])
    before = await world.deployed()
    assert isinstance(await world.arm(hours=-1), Armed)
    assert isinstance(await world.arm(BORIS), Armed)
    await world.restore(BORIS)
    assert await world.deployed() == before


async def test_what_a_killed_session_left_is_taken_out_where_arming_anew_is_refused(world: World) -> None:
    large = {"Variables": {"LARGE": "x" * 3950}}
    await world.client.update_function_configuration(FunctionName=world.name, Environment=large)
    before = await world.deployed()
    assert isinstance(await world.arm(BORIS, hours=-1), Armed)
    plan = replace(world.plan(), url="wss://" + "x" * 100)
    assert isinstance(await arm(world.places, world.name, plan, TOKEN), Refused)
    assert await world.deployed() == before
    assert await list_holds(world.places.table) == ()


async def test_two_at_once_are_one_holder_and_one_refusal(world: World) -> None:
    outcomes = await asyncio.gather(world.arm(), world.arm(BORIS))
    assert sorted(type(each).__name__ for each in outcomes) == ["Armed", "Refused"]


@pytest.mark.parametrize("fault", ["lost answer", "throttled", "update under way"])
async def test_an_update_that_meets_trouble_is_made_once_all_the_same(
    world: World, proxy: Proxy, fault: str
) -> None:
    before = await world.deployed()
    rules: dict[str, tuple[Behaviour, Occurrence]] = {
        "lost answer": (Reset(forward=True), nth(1)),
        "throttled": (Answer(throttled), first(2)),
        "update under way": (Answer(conflict), first(2)),
    }
    harm, when = rules[fault]
    proxy.use(on(harm, "UpdateFunctionConfiguration", when=when))
    assert isinstance(await world.arm(), Armed)
    proxy.use(on(harm, "UpdateFunctionConfiguration", when=when))
    assert isinstance(await world.restore(), Released)
    assert await world.deployed() == before


@pytest.mark.parametrize("since", ["nothing", "deployed", "armed by a killed session"])
async def test_what_a_plan_has_read_is_read_again_only_if_the_function_has_changed_since(
    world: World, proxy: Proxy, since: str
) -> None:
    seen = await world.look()
    before = await world.deployed()
    if since == "deployed":
        await world.client.update_function_configuration(FunctionName=world.name, Timeout=20)
        before["timeout"] = 20
    elif since != "nothing":
        assert isinstance(await world.arm(BORIS, hours=-1), Armed)
    proxy.forget()
    armed = await world.arm(seen=seen)
    assert isinstance(armed, Armed)
    assert armed.before.settings.timeout == before["timeout"]
    if since == "nothing":
        sent = [each.operation for each in proxy.records]
        assert sent[:2] == ["PutItem", "UpdateFunctionConfiguration"]
        assert {*sent[2:]} == {"GetFunction", "PutItem"}
    await world.restore()
    assert await world.deployed() == before


@pytest.mark.parametrize("had", [False, True])
async def test_what_waits_for_the_connection_changes_nothing_and_gives_back_if_there_is_none(
    world: World, had: bool
) -> None:
    if had:
        await world.arm(BORIS)
    holds = await list_holds(world.places.table)
    before, waiting = await world.deployed(), asyncio.Event()

    async def never(token: str) -> None:
        waiting.set()
        await asyncio.Event().wait()

    plan = world.plan(taken=next(iter(holds), None), seen=await world.look())
    work = asyncio.create_task(arm(world.places, world.name, plan, TOKEN, never))
    await waiting.wait()
    (hold,) = await list_holds(world.places.table)
    assert [each.holder for each in hold.holders] == [ANNA]
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await list_holds(world.places.table) == holds
    assert await world.deployed() == before


@pytest.mark.parametrize("moment", ["arming", "restoring"])
async def test_a_deployment_in_between_is_kept(world: World, proxy: Proxy, moment: str) -> None:
    async def deploy(call: Any, forward: Any) -> Any:
        await world.client.update_function_configuration(FunctionName=world.name, MemorySize=512)
        proxy.use()
        return await forward(call)

    if moment == "arming":
        proxy.use(on(deploy, "UpdateFunctionConfiguration"))
    assert isinstance(await world.arm(), Armed)
    if moment == "restoring":
        proxy.use(on(deploy, "UpdateFunctionConfiguration"))
    assert isinstance(await world.restore(), Released)
    found = await world.client.get_function_configuration(FunctionName=world.name)
    assert (found["MemorySize"], found["Timeout"]) == (512, 17)


async def test_a_deployment_of_everything_while_armed_stays_and_only_ours_goes(world: World) -> None:
    await world.arm()
    now = await world.deployed()
    theirs = {**now["variables"], "STAGE": "prod", "NEW": "1"}
    await world.client.update_function_configuration(
        FunctionName=world.name,
        Timeout=60,
        Layers=[world.other_layer, world.layer],
        Environment={"Variables": theirs},
    )
    await world.restore()
    assert await world.deployed() == {
        "timeout": 60,
        "layers": [world.other_layer],
        "variables": {"STAGE": "prod", "NEW": "1", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/own"},
    }


async def test_a_laptop_that_has_lost_its_mutex_never_arms_again(world: World, proxy: Proxy) -> None:
    async def lose(call: Any, forward: Any) -> Any:
        proxy.use()
        (hold,) = await list_holds(world.places.table)
        assert isinstance(await world.arm(BORIS, taken=hold), Armed)
        await world.restore(BORIS)
        return conflict(call)

    proxy.use(on(lose, "UpdateFunctionConfiguration"))
    refused = await world.arm()
    assert isinstance(refused, Refused)
    assert not is_touched((await read_function(world.places.functions, world.name)).settings)  # type: ignore[union-attr]


@pytest.mark.parametrize("held_up", ["", "GetItem", "DeleteItem"])
async def test_a_function_that_is_given_back_while_it_is_armed_is_not_left_armed_and_held_by_nobody(
    world: World, proxy: Proxy, held_up: str
) -> None:
    before = await world.deployed()
    restoring: list[asyncio.Task[object]] = []
    arrived, go = asyncio.Event(), asyncio.Event()

    async def hold_up(call: Call, forward: Forward) -> Response:
        arrived.set()
        await go.wait()
        return await forward(call)

    async def give_back(call: Call, forward: Forward) -> Response:
        proxy.use(*([on(hold_up, held_up, when=nth(1))] if held_up else []))
        restoring.append(asyncio.create_task(restore(world.places, world.name, lambda _: True)))
        await asyncio.wait([asyncio.ensure_future(arrived.wait()) if held_up else restoring[0]])
        return await forward(call)

    proxy.use(on(give_back, "UpdateFunctionConfiguration", when=nth(1)))
    outcome = await world.arm()
    go.set()
    assert isinstance(await restoring[0], Released)
    assert isinstance(outcome, Armed if held_up else Refused)
    assert await world.deployed() == before
    assert await list_holds(world.places.table) == ()


async def test_killed_after_any_request_the_function_is_restored_from_another_machine(
    world: World, proxy: Proxy
) -> None:
    before = await world.deployed()
    for number in range(1, 50):
        killed = await is_killed_at(number, proxy, world.arm())
        async with AsyncExitStack() as stack:
            elsewhere = await stack.enter_async_context(opened(proxy.url))
            await restore(elsewhere, world.name, lambda hold: hold.holder.who == ANNA.who)
        assert await world.deployed() == before, f"after request {number}"
        assert await list_holds(world.places.table) == ()
        if not killed:
            assert number > 6
            return
    raise AssertionError("arming does not come to its end")


async def test_an_update_that_is_cancelled_on_its_way_is_awaited_and_then_restored(
    world: World, proxy: Proxy
) -> None:
    before = await world.deployed()
    arrived, go = asyncio.Event(), asyncio.Event()

    async def hold_up(call: Call, forward: Forward) -> Response:
        arrived.set()
        await go.wait()
        return await forward(call)

    proxy.use(on(hold_up, "UpdateFunctionConfiguration", when=nth(1)))
    work = asyncio.create_task(world.arm())
    await arrived.wait()
    for _ in range(100):  # when another function fails, gather and its caller cancel one after the other
        work.cancel()
        await asyncio.sleep(0)
    assert not work.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await world.restore() == Released(arn=(await list_arns(world))[0], how="restored")
    assert await world.deployed() == before
    assert await list_holds(world.places.table) == ()


async def list_arns(world: World) -> list[str]:
    return [each["FunctionArn"] for each in (await world.client.list_functions())["Functions"]]


async def test_a_version_published_while_armed_is_found_with_its_aliases(world: World) -> None:
    await world.client.publish_version(FunctionName=world.name)
    await world.arm()
    await world.client.update_function_code(
        FunctionName=world.name, ZipFile=zipped("def handler(e, c): return 1")
    )
    version = (await world.client.publish_version(FunctionName=world.name))["Version"]
    await world.client.create_alias(FunctionName=world.name, Name="live", FunctionVersion=version)
    found = await find_armed_versions(world.places.functions, world.name)
    assert [(each.version, each.aliases) for each in found] == [(version, ("live",))]


SIGNING = "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-1"
SIZE = "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes."
BLOCKED = "The runtime parameter of python3.9 is no longer supported for creating or updating functions."


@pytest.mark.parametrize(
    ("rules", "reason", "message"),
    [
        ({"UpdateFunctionConfiguration": SIZE}, "lambda", SIZE),
        ({"UpdateFunctionConfiguration": BLOCKED}, "lambda", BLOCKED),
        (
            {
                "GetFunctionCodeSigningConfig": {"CodeSigningConfigArn": SIGNING, "FunctionName": "orders"},
                "GetCodeSigningConfig": {
                    "CodeSigningConfig": {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Enforce"}}
                },
            },
            "code-signing",
            "signed layers only",
        ),
        ({}, "environment-size", "no room"),
    ],
    ids=["size", "runtime blocked", "code signing", "environment"],
)
async def test_a_function_that_lambda_does_not_let_be_armed_is_refused_and_not_held(
    world: World, proxy: Proxy, rules: dict[str, Any], reason: str, message: str
) -> None:
    if not rules:
        large = {"Variables": {"LARGE": "x" * 4000}}
        await world.client.update_function_configuration(FunctionName=world.name, Environment=large)
    before = await world.deployed()
    proxy.use(*[on(Answer(partial(say, what=what)), operation) for operation, what in rules.items()])
    outcome = await world.arm()
    assert isinstance(outcome, Refused)
    assert outcome.refusal.reason == reason
    assert message in outcome.refusal.message
    assert await world.deployed() == before
    assert await list_holds(world.places.table) == ()


def say(call: Call, what: str | dict[str, Any]) -> Response:
    """What Lambda answers, or what it says of a setting that it does not take."""
    if isinstance(what, str):
        return error(call, 400, "InvalidParameterValueException", what)
    body = json.dumps(what).encode()
    return Response(status=200, reason="OK", headers=(("Content-Length", str(len(body))),), body=body)


async def test_with_a_layer_gone_all_is_put_back_but_the_list_of_layers_which_lambda_does_not_take(
    world: World, proxy: Proxy
) -> None:
    before = await world.deployed()
    assert isinstance(await world.arm(), Armed)
    await world.client.delete_layer_version(LayerName="own", VersionNumber=1)

    async def refuse(call: Call, forward: Forward) -> Response:
        gone = f"Layer version {before['layers'][0]} does not exist."
        lists = b'"Layers"' in (call.request.body or b"")
        return say(call, gone) if lists else await forward(call)

    proxy.use(on(refuse, "UpdateFunctionConfiguration"))
    for _ in range(2):
        outcome = await world.restore()
        assert isinstance(outcome, Refused)
        assert outcome.refusal.reason == "layer-gone"
        assert before["layers"][0] in outcome.refusal.message
        assert await world.deployed() == {**before, "layers": [*before["layers"], world.layer]}
    proxy.use()
    await world.client.update_function_configuration(FunctionName=world.name, Layers=[world.layer])
    assert isinstance(await world.restore(), Released)
    assert await world.deployed() == {**before, "layers": []}
    assert await list_holds(world.places.table) == ()


@pytest.mark.parametrize("way", ["gone before", "gone while armed", "layer gone", "denied"])
async def test_what_cannot_be_done_is_said_and_nothing_is_held(world: World, proxy: Proxy, way: str) -> None:
    before = await world.deployed()
    match way:
        case "gone before":
            await world.client.delete_function(FunctionName=world.name)
            outcome = await world.arm()
            assert isinstance(outcome, Refused)
            assert outcome.refusal.reason == "gone"
        case "gone while armed":
            armed = await world.arm()
            await world.client.delete_function(FunctionName=world.name)
            assert isinstance(armed, Armed)
            assert await world.restore() == Released(arn=armed.arn, how="gone")
        case "layer gone":
            await world.client.delete_layer_version(LayerName="own", VersionNumber=1)
            outcome = await world.arm()
            assert isinstance(outcome, Refused)
            assert outcome.refusal.reason == "layer-gone"
            assert before["layers"][0] in outcome.refusal.message
        case _:
            proxy.use(on(Answer(access_denied), "UpdateFunctionConfiguration", when=every))
            outcome = await world.arm()
            assert isinstance(outcome, Refused)
            assert "lambda:UpdateFunctionConfiguration" in outcome.refusal.message
            assert await world.deployed() == before
    assert await list_holds(world.places.table) == ()
    assert VARIABLE not in before["variables"]


def conflict(call: Any) -> Any:
    return error(call, 409, "ResourceConflictException", "The operation cannot be performed at this time.")
