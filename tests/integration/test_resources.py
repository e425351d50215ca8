"""What one setup makes, as moto holds it."""

from __future__ import annotations

import ast
import io
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

import plldb
from tests.support import program
from tests.support.environment import REGION, Credentials, aws_settings, isolated

if TYPE_CHECKING:
    from tests.conftest import OpenClient

ACCOUNT = "123456789012"  # moto's own, which no other test uses
BUCKET = f"plldb-core-infrastructure-{REGION}-{ACCOUNT}"
PREFIX = f"plldb/versions/{plldb.__version__}"
HANDLERS = Path(plldb.__file__).parent / "bootstrap" / "cloudformation" / "lambda_functions"
ROUTES = ("authorize", "connect", "default", "disconnect")
NAMES = ("plldb-lease-reaper", *(f"plldb-ws-api-{route}" for route in ROUTES))
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda"
TABLES = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table"
ITEMS = {f"dynamodb:{verb}" for verb in ("DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")}


@pytest.fixture
def credentials() -> Credentials:
    return Credentials(access_key_id="test")


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def deployed(moto_server: str, tmp_path_factory: pytest.TempPathFactory) -> program.Finished:
    folder = tmp_path_factory.mktemp("deployed")
    settings = aws_settings(moto_server, Credentials(access_key_id="test"))
    env = isolated(os.environ, folder) | settings
    done = await program.run("bootstrap", "setup", env=env, cwd=folder)
    assert done.code == 0, done
    return done


def in_order(statements: list[tuple[set[str], set[str]]]) -> list[tuple[list[str], list[str]]]:
    """The same whatever order moto gives them in."""
    return sorted((sorted(actions), sorted(resources)) for actions, resources in statements)


async def describe_table(open_client: OpenClient, name: str) -> Any:
    dynamodb = await open_client("dynamodb")
    return (await dynamodb.describe_table(TableName=name))["Table"]


def read_key(schema: list[dict[str, str]]) -> dict[str, str]:
    return {key["KeyType"]: key["AttributeName"] for key in schema}


async def test_sessions_have_their_key_two_full_indexes_and_no_bill_when_idle(
    open_client: OpenClient,
) -> None:
    table = await describe_table(open_client, "PLLDBSessions")
    assert read_key(table["KeySchema"]) == {"HASH": "SessionId"}
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    assert {name: read_key(index["KeySchema"]) for name, index in indexes.items()} == {
        "ConnectionId": {"HASH": "ConnectionId", "RANGE": "SessionId"},
        "StackName": {"HASH": "StackName", "RANGE": "ConnectionId"},
    }
    assert [index["Projection"] for index in indexes.values()] == [{"ProjectionType": "ALL"}] * 2
    assert {each["AttributeType"] for each in table["AttributeDefinitions"]} == {"S"}
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


async def test_debugged_requests_have_their_key_and_no_bill_when_idle(open_client: OpenClient) -> None:
    table = await describe_table(open_client, "PLLDBDebugger")
    assert read_key(table["KeySchema"]) == {"HASH": "RequestId"}
    assert table["AttributeDefinitions"] == [{"AttributeName": "RequestId", "AttributeType": "S"}]
    assert not table.get("GlobalSecondaryIndexes")
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


async def find_role(open_client: OpenClient, logical_id: str) -> tuple[dict[str, Any], Any]:
    iam = await open_client("iam")
    roles = (await iam.list_roles())["Roles"]
    (name,) = [role["RoleName"] for role in roles if role["RoleName"].startswith(f"plldb-{logical_id}-")]
    return (await iam.get_role(RoleName=name))["Role"], iam


async def read_statements(open_client: OpenClient, logical_id: str) -> list[tuple[set[str], set[str]]]:
    role, iam = await find_role(open_client, logical_id)
    names = (await iam.list_role_policies(RoleName=role["RoleName"]))["PolicyNames"]
    documents = [
        (await iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name))["PolicyDocument"]
        for name in names
    ]
    assert not (await iam.list_attached_role_policies(RoleName=role["RoleName"]))["AttachedPolicies"]
    # moto hands back what botocore decodes for AWS as the text of a Python value.
    read = [ast.literal_eval(each) if isinstance(each, str) else each for each in documents]
    statements = [each for document in read for each in document["Statement"]]
    assert {each["Effect"] for each in statements} == {"Allow"}
    return [(as_set(each["Action"]), as_set(each["Resource"])) for each in statements]


def as_set(value: str | list[str]) -> set[str]:
    return {value} if isinstance(value, str) else set(value)


@pytest.mark.parametrize("logical_id", ["PLLDBDebuggerRole", "PLLDBManagerRole"])
async def test_only_lambda_on_behalf_of_this_account_may_take_a_role(
    open_client: OpenClient, logical_id: str
) -> None:
    role, _ = await find_role(open_client, logical_id)
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        }
    ]


async def test_the_handler_that_answers_may_do_that_and_lend_the_role_of_agents_only(
    open_client: OpenClient,
) -> None:
    agents, _ = await find_role(open_client, "PLLDBAgentRole")
    statements = await read_statements(open_client, "PLLDBDebuggerRole")
    connections = [pair for pair in statements if pair[0] == {"execute-api:ManageConnections"}]
    assert len(connections) == 1  # moto has no API: its id is not there to be compared
    rest = [pair for pair in statements if pair not in connections]
    assert in_order(rest) == in_order(
        [
            ({"dynamodb:GetItem", "dynamodb:UpdateItem"}, {f"{TABLES}/PLLDBSessions"}),
            ({"dynamodb:GetItem"}, {f"{TABLES}/PLLDBDebugger"}),
            ({"logs:CreateLogStream", "logs:PutLogEvents"}, {f"{LOGS}/plldb-ws-api-default:*"}),
            ({"sts:AssumeRole"}, {agents["Arn"]}),
        ]
    )


async def test_the_manager_may_change_functions_look_at_stacks_and_use_one_table(
    open_client: OpenClient,
) -> None:
    statements = await read_statements(open_client, "PLLDBManagerRole")
    allowed = {action: resources for actions, resources in statements for action in actions}
    functions = {f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*"}
    assert allowed == {
        "lambda:GetFunctionConfiguration": functions,
        "lambda:UpdateFunctionConfiguration": functions,
        "lambda:GetLayerVersion": {f"arn:aws:lambda:{REGION}:*:layer:*:*"},
        "cloudformation:ListStackResources": {f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/*/*"},
        **{action: {f"{TABLES}/PLLDBDebugger"} for action in ITEMS},
        **{f"logs:{verb}": {f"{LOGS}/plldb-lease-reaper:*"} for verb in ("CreateLogStream", "PutLogEvents")},
    }


async def read_template(open_client: OpenClient) -> str:
    cloudformation = await open_client("cloudformation")
    body = (await cloudformation.get_template(StackName="plldb"))["TemplateBody"]
    assert isinstance(body, str)
    return body


@pytest.mark.parametrize("route", ROUTES)
async def test_a_function_runs_the_uploaded_version_of_its_package(
    open_client: OpenClient, route: str
) -> None:
    functions, s3 = await open_client("lambda"), await open_client("s3")
    key = f"{PREFIX}/lambda_functions/ws_api_{route}_handler.zip"
    stored = await s3.get_object(Bucket=BUCKET, Key=key)
    body = await stored["Body"].read()
    with zipfile.ZipFile(io.BytesIO(body)) as package:
        assert package.namelist() == sorted(
            ["claims.py", "replies.py", "tables.py", f"ws_api_{route}_handler.py"]
        )
        for name in package.namelist():
            assert package.read(name) == (HANDLERS / name).read_bytes()

    found = await functions.get_function(FunctionName=f"plldb-ws-api-{route}")
    own = "PLLDBDebuggerRole" if route == "default" else f"PLLDB{route.capitalize()}Role"
    role, _ = await find_role(open_client, own)
    assert found["Configuration"]["Handler"] == f"ws_api_{route}_handler.handler"
    assert found["Configuration"]["Role"] == role["Arn"]
    assert found["Configuration"]["CodeSize"] == len(body)

    template = await read_template(open_client)
    wanted = f'S3Key: "{key}"\n        S3ObjectVersion: "{stored["VersionId"]}"'
    assert f'S3Bucket: "{BUCKET}"\n        {wanted}' in template


async def test_the_bucket_holds_the_packages_and_the_template_of_the_stack(open_client: OpenClient) -> None:
    s3 = await open_client("s3")
    listed = await s3.list_object_versions(Bucket=BUCKET)
    stems = ["lease_reaper_handler", *(f"ws_api_{route}_handler" for route in ROUTES)]
    handlers = [f"{PREFIX}/lambda_functions/{stem}.zip" for stem in stems]
    keys = [*handlers, f"{PREFIX}/layers/plldb_agent.zip", f"{PREFIX}/template.yaml"]
    assert [each["Key"] for each in listed["Versions"]] == keys
    assert "DeleteMarkers" not in listed
    stored = await s3.get_object(Bucket=BUCKET, Key=f"{PREFIX}/template.yaml")
    uploaded = (await stored["Body"].read()).decode()
    assert uploaded == await read_template(open_client)
    assert "__plldb." not in uploaded


async def test_logs_of_every_function_are_kept_for_two_weeks(open_client: OpenClient) -> None:
    logs = await open_client("logs")
    groups = (await logs.describe_log_groups())["logGroups"]
    assert {each["logGroupName"]: each["retentionInDays"] for each in groups} == {
        f"/aws/lambda/{name}": 14 for name in NAMES
    }


async def test_the_stack_has_no_parameters_and_the_tags_of_plldb(open_client: OpenClient) -> None:
    cloudformation = await open_client("cloudformation")
    (stack,) = (await cloudformation.describe_stacks(StackName="plldb"))["Stacks"]
    assert not stack.get("Parameters")
    assert {tag["Key"]: tag["Value"] for tag in stack["Tags"]} == {
        "plldb:component": "bootstrap",
        "plldb:version": plldb.__version__,
    }


async def test_the_outputs_name_what_was_made(open_client: OpenClient, deployed: program.Finished) -> None:
    cloudformation = await open_client("cloudformation")
    (stack,) = (await cloudformation.describe_stacks(StackName="plldb"))["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    # moto has no API, and says something else of a layer where AWS says its ARN.
    others = {name: outputs.pop(name) for name in ("WebSocketUrl", "ManagementUrl", "AgentLayerArn")}
    assert outputs == {
        "SessionsTableName": "PLLDBSessions",
        "DebuggerTableName": "PLLDBDebugger",
        "DebuggerRoleArn": (await find_role(open_client, "PLLDBDebuggerRole"))[0]["Arn"],
        "ManagerRoleArn": (await find_role(open_client, "PLLDBManagerRole"))[0]["Arn"],
        "Version": plldb.__version__,
    }
    for name, value in {**outputs, **others}.items():
        assert f"{name}: {value}" in deployed.stdout


async def test_the_program_says_first_where_it_acts(deployed: program.Finished) -> None:
    head = deployed.stdout.splitlines()[:3]
    assert plldb.__version__ in head[0]
    assert ACCOUNT in head[1]
    assert REGION in head[1]
    assert f"arn:aws:sts::{ACCOUNT}:" in head[2]
