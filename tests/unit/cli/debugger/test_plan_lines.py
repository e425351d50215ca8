"""What the plan calls functions, and says of their VPC. Pure."""

from __future__ import annotations

from typing import Any

from plldb import debugger as ev
from plldb.cli.debugger.limits import vpc_lines
from plldb.cli.debugger.plan import short_names


def function(name: str, **changes: Any) -> ev.PlannedFunction:
    values = {"logical_id": "", "handler": "app.handler", "folder": "/shop", "python": "python3"}
    return ev.PlannedFunction(function=name, **values | changes)


def test_functions_go_by_their_logical_ids_and_by_their_stacks_where_these_are_the_same() -> None:
    functions = [
        function("shop-H-1", stack="shop", logical_id="Handler"),
        function("billing-H-1", stack="billing", logical_id="Handler"),
        function("shop-Orders-1", stack="shop", logical_id="Orders"),
        function("by-hand"),
    ]
    assert [*short_names(functions).values()] == ["shop/Handler", "billing/Handler", "Orders", "by-hand"]


def test_functions_of_a_vpc_are_named_with_the_variables_that_a_tunnel_needs() -> None:
    functions = (
        function("a", in_vpc=True, private_hosts=("DB_HOST",)),
        function("b", in_vpc=True, private_hosts=("DB_HOST", "REDIS_URL")),
        function("c"),
    )
    plan = ev.AttachPlanned(functions=functions, lease_until=0, debug_port=None)
    (line,) = vpc_lines(plan, short_names(functions))
    start = "are in a VPC, whose private hosts this machine may not reach; for a tunnel,"
    assert line.text == f"a, b {start} --env DB_HOST=… --env REDIS_URL=…"
    assert not vpc_lines(ev.AttachPlanned(functions=functions[2:], lease_until=0, debug_port=None), {})
