"""A function that is not armed any more, and that cannot be armed again at once."""

from typing import Any, cast

import pytest

from plldb.debugger.arming.functions import Lambda, Throttle, function_of
from plldb.debugger.arming.operate import Armed, Refused
from plldb.debugger.arming.refusals import refused
from plldb.debugger.events.attach import FunctionDeployed
from plldb.debugger.pace import Pace
from plldb.debugger.watching.deployments import DISTURBED_AT_MOST, Watch
from plldb.errors import AwsError
from tests.unit.aws.fakes import Client, aws

NOT_ARMED = {"FunctionName": "orders", "Runtime": "python3.13", "RevisionId": "1"}
DISABLED = AwsError("the key is disabled", aws_code="KMSDisabledException")
GIVEN_BACK = refused("orders", "given-back", "it was given back")
CHANGED = refused("orders", "changed", "somebody else changed it")


class Session:
    """A session with these outcomes of arming again, in turn."""

    def __init__(self, outcomes: list[Refused | AwsError]) -> None:
        self.outcomes = outcomes

    async def arm_again(self, name: str) -> Armed | Refused:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, AwsError):
            raise outcome
        return outcome

    async def put_back(self, name: str) -> object:
        """Nothing is left."""

    async def tell_versions(self, name: str) -> None:
        """There are none."""

    def signed_in(self) -> None:
        """Nothing to note."""


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
    lambda_ = Lambda(
        aws=aws(),
        client=Client("lambda", {"get_function": [{"Configuration": NOT_ARMED}]}),
        pace=Pace(look_at_functions=0, settled=0),
        throttle=Throttle(1000),
    )
    session = Session([*outcomes])
    watch = Watch(functions=lambda_, tokens={"orders": "x"}, session=cast("Any", session), tell=told.append)
    await watch.run({"orders": function_of(NOT_ARMED)})
    assert session.outcomes == []
    assert [(each.armed, each.message) for each in told] == [(False, text) for text in said]
