"""A function that is not armed any more, and that cannot be armed again at once."""

import asyncio
import math
from typing import Any, cast

import pytest

from plldb.debugger.arming.examine import function_of
from plldb.debugger.arming.functions import Lambda, Throttle
from plldb.debugger.arming.operate import Armed, Refused
from plldb.debugger.arming.refusals import refused
from plldb.debugger.attaching.sign_in import SignIn
from plldb.debugger.events.functions import FunctionDeployed
from plldb.debugger.pace import Pace
from plldb.debugger.watching.deployments import DISTURBED_AT_MOST, Watch
from plldb.errors import AwsError
from tests.unit.aws.fakes import Client, aws

NOT_ARMED = {"FunctionName": "orders", "Runtime": "python3.13", "RevisionId": "1"}
ARMED = {
    **NOT_ARMED,
    "Timeout": 899,
    "Layers": [{"Arn": "arn:aws:lambda:eu-west-1:123456789012:layer:plldb-agent:1"}],
    "Environment": {
        "Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/plldb/wrapper", "PLLDB": "1|1900000000|wss://a|x|3|"}
    },
}
DISABLED = AwsError("the key is disabled", aws_code="KMSDisabledException")
GIVEN_BACK = refused("orders", "given-back", "it was given back")
CHANGED = refused("orders", "changed", "somebody else changed it")


class Session:
    """A session with these outcomes of arming again, in turn."""

    def __init__(self, outcomes: list[Refused | AwsError]) -> None:
        self.outcomes = outcomes
        self.sign_in = SignIn(lambda _: None, goes_on=bool)

    async def arm_again(self, name: str) -> Armed | Refused:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, AwsError):
            raise outcome
        return outcome

    async def restore(self, name: str) -> object:
        """Nothing is left."""

    async def still_holds(self, name: str) -> bool:
        return False

    async def tell_versions(self, name: str) -> None:
        """There are none."""


async def watch(
    session: Session, told: list[FunctionDeployed], *names: str, found: dict[str, Any] = NOT_ARMED
) -> None:
    lambda_ = Lambda(
        aws=aws(),
        client=Client("lambda", {"get_function": [{"Configuration": found}]}),
        pace=Pace(look_at_functions=0, looks_a_second=math.inf, settled=0),
        throttle=Throttle(1000),
    )
    tokens = dict.fromkeys(names, "x")
    made = Watch(functions=lambda_, tokens=tokens, session=cast("Any", session), tell=told.append)
    await made.run(dict.fromkeys(names, function_of(NOT_ARMED)))


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([DISABLED, DISABLED, DISABLED, GIVEN_BACK], ["the key is disabled", "it was given back"]),
        ([CHANGED, CHANGED, GIVEN_BACK], ["it was given back"]),
        ([CHANGED] * DISTURBED_AT_MOST, ["somebody else changed it"]),
    ],
)
async def test_it_is_tried_again_and_told_once_and_no_fight_lasts_for_ever(
    outcomes: list[Refused | AwsError], said: list[str]
) -> None:
    told: list[FunctionDeployed] = []
    session = Session([*outcomes])
    await watch(session, told, "orders")
    assert session.outcomes == []
    assert [(each.armed, each.message) for each in told] == [(False, text) for text in said]


async def test_a_function_that_stays_armed_for_others_alone_is_given_back() -> None:
    told: list[FunctionDeployed] = []
    await watch(Session([GIVEN_BACK]), told, "orders", found=ARMED)
    assert (told[-1].armed, told[-1].reason) == (False, "given-back")


async def test_one_whose_update_takes_minutes_holds_no_other_up_and_a_bug_ends_the_watch() -> None:
    class Slow(Session):
        others = asyncio.Event()

        async def arm_again(self, name: str) -> Armed | Refused:
            if name == "in-vpc":
                async with asyncio.timeout(60):
                    await self.others.wait()
                raise ZeroDivisionError
            self.others.set()
            return GIVEN_BACK

    told: list[FunctionDeployed] = []
    with pytest.raises(ZeroDivisionError):
        await watch(Slow([]), told, "in-vpc", "orders")
    assert [each.function for each in told] == ["orders"]
