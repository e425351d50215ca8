"""Whose an event is, as `plldb invoke` reckons it."""

from __future__ import annotations

import pytest

from plldb.debugger.arming.holders import Holder, Holding
from plldb.debugger.invoking.where import takes


@pytest.mark.parametrize(
    ("where", "taken"),
    [((), True), (("who=ada",), True), (("who=boris",), False), (("of another version",), True)],
)
def test_who_takes_an_event_takes_it_also_where_the_conditions_cannot_be_read(
    where: tuple[str, ...], taken: bool
) -> None:
    holder = Holder(session="s", who="user/ada", host="desk", stack="shop")
    holding = Holding(holder=holder, since=1, lease_until=2, proof="", where=where)
    assert takes(holding, b'{"who": "ada"}') is taken
