"""Numbers of public options that cannot be right are refused where they are given. Pure."""

from math import inf, nan
from typing import Any

import pytest

from plldb import bootstrap, debugger
from plldb.cli.debugger.commands import attach
from plldb.cli.debugger.values import Positive
from plldb.debugger.attaching.options import MOST_HOURS
from plldb.errors import SettingsError

PORT = "whole number of at least 0 and at most 65535"


@pytest.mark.parametrize(
    ("options", "name", "wrong", "values"),
    [
        (debugger.AttachOptions, "hours", (nan, inf, 0, 168.1, "8", True), "number above 0 and at most 168"),
        (debugger.AttachOptions, "until_idle", (nan, inf, -1, 0), "number above 0 and at most 604800"),
        (debugger.AttachOptions, "debug_port", (-1, 65536, True, 1.5), PORT),
        (debugger.ReplayOptions, "debug_port", (-1, 65536), PORT),
        (debugger.Pace, "rounds", (0, nan, 2.5), "whole number above 0"),
        (debugger.Pace, "settled", (-1, nan), "number of at least 0"),
        (bootstrap.Pace, "attempts", (0,), "whole number above 0"),
        (bootstrap.Pace, "poll", (-1, nan), "number of at least 0"),
    ],
)
def test_a_number_that_cannot_be_right_is_refused(
    options: Any, name: str, wrong: tuple[Any, ...], values: str
) -> None:
    for value in wrong:
        with pytest.raises(SettingsError) as refused:
            options(**{name: value})
        told = f"{options.__name__}.{name} cannot be {value!r}: it is a {values}."
        assert (str(refused.value), str(refused.value.hint)) == (told, f"Give a {values}.")


def test_the_command_line_has_the_same_limits() -> None:
    hours, idle = (param.type for param in attach.params if isinstance(param.type, Positive))
    assert hours.convert(str(MOST_HOURS), None, None) == MOST_HOURS
    assert idle.convert(str(MOST_HOURS * 3600), None, None) == MOST_HOURS * 3600
