"""A function that is not armed any more, and that AWS does not let be armed again."""

from typing import Any, cast

from plldb.debugger.arming.functions import Lambda, Throttle, function_of
from plldb.debugger.arming.operate import Armed, Refused
from plldb.debugger.arming.refusals import refused
from plldb.debugger.events.attach import FunctionDeployed
from plldb.debugger.pace import Pace
from plldb.debugger.watching.deployments import Watch
from plldb.errors import AwsError
from tests.unit.aws.fakes import Client, aws

NOT_ARMED = {"FunctionName": "orders", "Runtime": "python3.13", "RevisionId": "1"}


class Refusing:
    """A session that AWS lets arm nothing, until the function is given back."""

    def __init__(self, times: int) -> None:
        self.left = times

    async def arm_again(self, name: str) -> Armed | Refused:
        self.left -= 1
        if self.left:
            raise AwsError("the key is disabled", aws_code="KMSDisabledException")
        return refused(name, "given-back", "it was given back")

    async def tell_versions(self, name: str) -> None:
        """There are none."""

    def signed_in(self) -> None:
        """Nothing to note."""


async def test_what_keeps_a_function_from_being_armed_again_is_told_once_and_tried_again() -> None:
    told: list[FunctionDeployed] = []
    lambda_ = Lambda(
        aws=aws(),
        client=Client("lambda", {"get_function": [{"Configuration": NOT_ARMED}]}),
        pace=Pace(look_at_functions=0, settled=0),
        throttle=Throttle(1000),
    )
    session = cast("Any", Refusing(4))
    watch = Watch(functions=lambda_, tokens={"orders": "x"}, session=session, tell=told.append)
    await watch.run({"orders": function_of(NOT_ARMED)})
    assert session.left == 0
    assert [(each.armed, each.message) for each in told] == [
        (False, "the key is disabled"),
        (False, "it was given back"),
    ]
