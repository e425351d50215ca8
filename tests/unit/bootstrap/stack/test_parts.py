"""What of the stack can be deleted by hand, and the template without it: on the real template. Pure."""

from __future__ import annotations

import difflib

import pytest

from plldb.bootstrap.events.setup import StackPart
from plldb.bootstrap.stack.parts import depending_on, read_parts, without
from plldb.bootstrap.template import read_resources
from tests.support.template import TEMPLATE

TEXT = TEMPLATE.read_text("utf-8")
ROUTES = ("Connect", "Default", "Disconnect")
OUTPUTS = {"WebSocketUrl": "wss://a1b2c3.execute-api.eu-west-1.amazonaws.com/live"}


def test_every_table_function_and_api_of_the_template_is_a_part_with_its_name() -> None:
    parts = read_parts(TEXT, OUTPUTS)
    kinds = {"AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::ApiGatewayV2::Api"}
    expected = [each.logical_id for each in read_resources(TEXT) if each.resource_type in kinds]
    assert [part.logical_id for part in parts] == expected
    assert {
        StackPart(logical_id="PLDDBSessions", resource_type="AWS::DynamoDB::Table", name="PLLDBSessions"),
        StackPart(logical_id="PLDDBAPI", resource_type="AWS::ApiGatewayV2::Api", name="a1b2c3"),
    } <= set(parts)


def test_an_api_whose_id_no_output_tells_is_not_looked_for() -> None:
    assert "PLDDBAPI" not in {part.logical_id for part in read_parts(TEXT, {})}


@pytest.mark.parametrize(
    ("missing", "gone"),
    [
        ("PLDDBSessions", {"PLDDBSessions"}),
        ("ConnectFunction", {"ConnectFunction", "ConnectPermission"}),
        (
            "PLDDBAPI",
            {"Authorizer", "PLDDBAPI", "PLLDBAnswerConnections", "PLLDBManageConnections", "Stage"}
            | {
                f"{name}{kind}"
                for name in ("Connect", "Default", "Disconnect")
                for kind in ("Integration", "Route")
            }
            | {f"{name}Permission" for name in ("Authorize", *ROUTES)},
        ),
    ],
)
def test_what_refers_to_what_is_missing_goes_with_it_and_nothing_else_changes(
    missing: str, gone: set[str]
) -> None:
    assert depending_on(TEXT, frozenset({missing})) == gone
    rest = without(TEXT, frozenset(gone))
    left = [each.logical_id for each in read_resources(rest)]
    assert left == [each.logical_id for each in read_resources(TEXT) if each.logical_id not in gone]
    # Only whole lines are taken out.
    assert not [line for line in difflib.ndiff(TEXT.splitlines(), rest.splitlines()) if line.startswith("+ ")]
    assert depending_on(rest, frozenset(gone)) == gone  # nobody refers to them any more
    assert ("WebSocketUrl:" in rest) == (missing != "PLDDBAPI")
