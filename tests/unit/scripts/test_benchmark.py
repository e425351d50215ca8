"""What ``scripts/bench`` computes from what it has measured."""

from __future__ import annotations

import pytest

# The sdist has the tests and not the scripts.
chain = pytest.importorskip("scripts.benchmark.chain")
startup = pytest.importorskip("scripts.benchmark.startup")
targets = pytest.importorskip("scripts.benchmark.targets")

TEMPLATE = """
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      GlobalSecondaryIndexes: [{IndexName: ByName}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      Version: 2012-10-17
      Account: !Ref AWS::AccountId
      Table: !Sub "arn:${AWS::Partition}:table/Table/${!Literal}"
  Function:
    Type: AWS::Lambda::Function
    Properties: {Role: !GetAtt Role.Arn}
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Function
      SourceArn: !Sub "arn:${Api}/${Stage.Name}"
  Api: {Type: AWS::ApiGatewayV2::Api}
  Stage: {Type: AWS::ApiGatewayV2::Stage, DependsOn: Api}
"""


def test_a_resource_waits_for_what_ref_getatt_sub_and_depends_on_name() -> None:
    graph = chain.read_graph(TEMPLATE)
    assert {name: set(each.waits_for) for name, each in graph.items()} == {
        "Table": set(),
        "Role": set(),
        "Function": {"Role"},
        "Permission": {"Function", "Api", "Stage"},
        "Api": set(),
        "Stage": {"Api"},
    }


def test_the_chain_that_is_ready_last_is_found() -> None:
    spans = chain.schedule(chain.read_graph(TEMPLATE))
    assert chain.tell_chain(chain.find_chain(spans)) == "Table 45 s"
    assert (
        chain.tell_chain(chain.find_chain(spans, at_least=2))
        == "Role 17 s -> Function 5 s -> Permission 2 s = 24 s"
    )


def test_a_role_that_waits_for_a_table_is_noticed() -> None:
    slow = TEMPLATE.replace("!Ref AWS::AccountId", "!GetAtt Table.Arn")
    assert chain.find_before(chain.read_graph(TEMPLATE), chain.ROLE) == set()
    assert chain.find_before(chain.read_graph(slow), chain.ROLE) == {chain.TABLE}


def test_the_drawing_has_a_bar_from_beginning_to_end() -> None:
    drawing = chain.draw(chain.schedule(chain.read_graph(TEMPLATE)))
    assert f"Function    {' ' * 17}##### 22 s" in drawing.splitlines()


def test_a_median_beyond_its_limit_is_a_missed_target() -> None:
    assert targets.at_most("trips", [7, 8, 9], 8).met is True
    missed = targets.at_most("trips", [8, 9, 9], 8)
    assert (missed.met, missed.measured, missed.runs) == (False, "9", "8-9")


def test_a_peer_that_was_not_measured_meets_and_misses_nothing() -> None:
    [row] = targets.ratio(
        "cold", {"steps": {"plldb cold": {"seconds": [1.0]}}}, "plldb cold", "cdk cold", 0.5
    )
    assert (row.met, row.measured) == (None, "not measured")


def test_import_times_are_read_and_summed() -> None:
    output = (
        "import time:       120 |        500 |   botocore.session\nimport time: 80 | 80 | plldb.aws\nother"
    )
    modules = startup.read_import_times(output)
    assert startup.sum_import_times(modules) == {"aiobotocore, botocore, aiohttp": 0.1, "plldb": 0.1}
