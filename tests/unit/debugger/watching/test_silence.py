"""What Lambda writes when an invocation begins. Pure."""

import pytest

from plldb.debugger.watching.silence import read_start

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
