"""What Lambda writes when an invocation begins, and which beginnings are told. Pure."""

import pytest

from plldb.debugger.events.functions import FunctionSilent
from plldb.debugger.pace import Pace
from plldb.debugger.watching.silence import read_start, watch_silence
from plldb.debugger.workers.settings import read_settings
from tests.unit.aws.fakes import AT_ONCE, Answer, Client, aws, refused

ID = "6f0a4a4e-0d3c-4d8f-9a51-0f7f3f1f6c11"


@pytest.mark.parametrize(
    ("line", "start"),
    [
        (f"START RequestId: {ID} Version: $LATEST\n", (ID, "$LATEST")),
        (f"START RequestId: {ID} Version: 12", (ID, "12")),
        (
            f'{{"type": "platform.start", "record": {{"requestId": "{ID}", "version": "3"}}}}',
            (ID, "3"),
        ),
        (f"END RequestId: {ID}", None),
        ("START of something else", None),
    ],
)
def test_the_start_of_an_invocation_is_read(line: str, start: tuple[str, str] | None) -> None:
    assert read_start(line) == start


@pytest.mark.parametrize(("some", "told"), [(False, "$LATEST"), (True, "12")])
async def test_with_conditions_only_another_version_is_told_and_a_look_that_fails_is_taken_again(
    some: bool, told: str
) -> None:
    events = [{"message": f"START RequestId: {ID} Version: {version}"} for version in ("$LATEST", "12")]
    looks: list[Answer] = [
        {"events": events},
        refused("InvalidOperationException", "FilterLogEvents"),
        {"events": events},
    ]
    doorway = aws(AT_ONCE, Client("logs", {"filter_log_events": looks}))
    functions = {"orders": read_settings({"FunctionName": "orders"})}
    found: list[FunctionSilent] = []
    pace = Pace(look_at_logs=0)
    await watch_silence(doorway, functions, lambda _: False, found.append, pace, some=some)
    assert [each.function_version for each in found] == [told]
