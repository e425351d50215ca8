"""Who holds a function."""

from __future__ import annotations

import pytest

from plldb.debugger.arming.mutex import Holder

ROLE = "arn:aws:sts::123456789012:assumed-role"


@pytest.mark.parametrize(
    ("who", "host", "same"),
    [
        (f"{ROLE}/dev/botocore-session-1700000000", "desk", True),
        (f"{ROLE}/dev/botocore-session-1800000000", "desk", True),
        (f"{ROLE}/dev/botocore-session-1700000000", "laptop", True),
        (f"{ROLE}/dev/botocore-session-1800000000", "laptop", False),
        (f"{ROLE}/admin/botocore-session-1800000000", "desk", False),
        (f"{ROLE}/dev/boris", "desk", False),
        ("", "desk", False),
    ],
)
def test_the_same_person_is_recognised_in_another_process(who: str, host: str, same: bool) -> None:
    holder = Holder(session="s", who=f"{ROLE}/dev/botocore-session-1700000000", host="desk", stack="shop")
    assert holder.is_person(who, host) is same
