"""What the stack must be, line by line. The template is read as data; nothing is deployed here."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plldb.bootstrap.doctor import LOG_GROUPS, TABLES
from plldb.debugger.arming.settings import LAYER_NAME

Resources = dict[str, dict[str, Any]]

API = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${PLDDBAPI}"
TABLE = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/"
LOG_GROUP = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:"
LAMBDA = "arn:${AWS::Partition}:lambda:${AWS::Region}:"
INVOCATIONS = (
    "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
    "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:"
)
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
# Handler → the role that its function runs as.
ROLES = {
    "authorize": "PLLDBAuthorizeRole",
    "connect": "PLLDBConnectRole",
    "default": "PLLDBDebuggerRole",
    "disconnect": "PLLDBDisconnectRole",
}
REAPER = "plldb-lease-reaper"

# CloudFormation quota: bytes of a template in a request. In S3, from where the template is read, 1 MB is
# allowed; keeping below leaves both ways open.
LARGEST_TEMPLATE_BODY = 51_200

PARTS = ["connect", "disconnect", "authorize", "default"]
ROUTES = ["connect", "disconnect", "default"]


def of_type(resources: Resources, kind: str) -> Resources:
    """Logical id → properties of every resource of one type."""
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == f"AWS::{kind}"}


def the_one(resources: Resources, kind: str, **properties: Any) -> tuple[str, dict[str, Any]]:
    """Return the one resource of a type that has these properties."""
    (found,) = [
        (name, own)
        for name, own in of_type(resources, kind).items()
        if all(own.get(key) == value for key, value in properties.items())
    ]
    return found


def strings_in(value: object) -> Iterator[str]:
    """Every string of the data, keys not counted."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings_in(each)


def names_in(value: object) -> Iterator[str]:
    """Every name that !Ref, !GetAtt and !Sub refer to."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref":
                yield each
            elif key == "Fn::GetAtt":
                yield each[0]
            elif key == "Fn::Sub":
                yield from (name.split(".")[0] for name in re.findall(r"\$\{([^!}][^}]*)\}", each))
            else:
                yield from names_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from names_in(each)


def waits_for(resources: Resources, name: str) -> set[str]:
    """Logical ids of everything that has to be there before ``name`` is created."""
    resource = resources[name]
    after = resource.get("DependsOn", [])
    direct = {
        *names_in(resource["Properties"]),
        *([after] if isinstance(after, str) else after),
    } & resources.keys()
    return direct.union(*(waits_for(resources, each) for each in direct))


def statements_of(resources: Resources, role: str) -> dict[str, dict[str, Any]]:
    """Sid → statement: all that a role is allowed, whether in the role or attached to it."""
    inline = resources[role]["Properties"].get("Policies", [])
    attached = [own for own in of_type(resources, "IAM::Policy").values() if {"Ref": role} in own["Roles"]]
    statements = [each for policy in [*inline, *attached] for each in policy["PolicyDocument"]["Statement"]]
    assert all(set(each) == {"Sid", "Effect", "Action", "Resource"} for each in statements)
    assert all(each["Effect"] == "Allow" for each in statements)
    by_sid = {each["Sid"]: each for each in statements}
    assert len(by_sid) == len(statements)
    return by_sid


def actions_of(statement: dict[str, Any]) -> set[str]:
    return {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])


def targets_of(statement: dict[str, Any]) -> set[str]:
    found = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    return {
        each["Fn::Sub"] if "Fn::Sub" in each else "!GetAtt " + ".".join(each["Fn::GetAtt"]) for each in found
    }


# --- the requirement --------------------------------------------------------------------------------------


def test_the_five_resources_of_the_requirement_bear_its_names(resources: Resources) -> None:
    # Copied from the requirement, letter by letter: not every name begins alike.
    required = {
        "PLDDBSessions": "AWS::DynamoDB::Table",
        "PLLDBDebugger": "AWS::DynamoDB::Table",
        "PLLDBDebuggerRole": "AWS::IAM::Role",
        "PLLDBManagerRole": "AWS::IAM::Role",
        "PLDDBAPI": "AWS::ApiGatewayV2::Api",
    }
    assert {name: resources[name]["Type"] for name in required} == required


# --- tables -----------------------------------------------------------------------------------------------


def test_sessions_table_is_as_specified(resources: Resources) -> None:
    assert resources["PLDDBSessions"] == {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "PLLDBSessions",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "SessionId", "AttributeType": "S"},
                {"AttributeName": "ConnectionId", "AttributeType": "S"},
                {"AttributeName": "StackName", "AttributeType": "S"},
            ],
            "KeySchema": [{"AttributeName": "SessionId", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "ConnectionId",
                    "KeySchema": [
                        {"AttributeName": "ConnectionId", "KeyType": "HASH"},
                        {"AttributeName": "SessionId", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                },
                {
                    "IndexName": "StackName",
                    "KeySchema": [
                        {"AttributeName": "StackName", "KeyType": "HASH"},
                        {"AttributeName": "ConnectionId", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                },
            ],
            "TimeToLiveSpecification": {"AttributeName": "ExpiresAt", "Enabled": True},
        },
    }


def test_debugger_table_is_as_specified(resources: Resources) -> None:
    assert resources["PLLDBDebugger"] == {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "PLLDBDebugger",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "RequestId", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "RequestId", "KeyType": "HASH"}],
            "TimeToLiveSpecification": {"AttributeName": "ExpiresAt", "Enabled": True},
        },
    }


# --- roles ------------------------------------------------------------------------------------------------


def test_there_is_a_role_for_each_handler_one_for_agents_and_the_manager(resources: Resources) -> None:
    assert set(of_type(resources, "IAM::Role")) == {*ROLES.values(), "PLLDBAgentRole", "PLLDBManagerRole"}


@pytest.mark.parametrize("role", [*ROLES.values(), "PLLDBManagerRole"])
def test_role_is_assumed_by_lambda_for_this_account_only(resources: Resources, role: str) -> None:
    assert resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        }
    ]


def test_role_for_agents_is_assumed_by_the_debugger_role_only(resources: Resources) -> None:
    account = "arn:${AWS::Partition}:iam::${AWS::AccountId}:"
    assert resources["PLLDBAgentRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"AWS": {"Fn::Sub": f"{account}root"}},
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnLike": {
                    "aws:PrincipalArn": {"Fn::Sub": account + "role/${AWS::StackName}-PLLDBDebuggerRole-*"}
                }
            },
        }
    ]


def test_no_role_has_a_fixed_name_or_a_managed_policy(resources: Resources) -> None:
    for properties in of_type(resources, "IAM::Role").values():
        assert set(properties) <= {"Description", "AssumeRolePolicyDocument", "Policies"}


SESSIONS, FUNCTIONS = f"{TABLE}PLLDBSessions", f"{TABLE}PLLDBDebugger"
POST, GET = f"{API}/live/POST/@connections/*", f"{API}/live/GET/@connections/*"
RIGHTS: dict[str, dict[str, tuple[set[str], set[str]]]] = {
    "PLLDBAuthorizeRole": {},
    "PLLDBConnectRole": {
        "Sessions": ({"dynamodb:GetItem", "dynamodb:UpdateItem"}, {SESSIONS}),
        "Functions": ({"dynamodb:GetItem"}, {FUNCTIONS}),
    },
    "PLLDBDisconnectRole": {"Sessions": ({"dynamodb:UpdateItem"}, {SESSIONS})},
    "PLLDBDebuggerRole": {
        "Sessions": ({"dynamodb:GetItem", "dynamodb:UpdateItem"}, {SESSIONS}),
        "Functions": ({"dynamodb:GetItem"}, {FUNCTIONS}),
        "Answer": ({"execute-api:ManageConnections"}, {POST}),
        "Lend": ({"sts:AssumeRole"}, {"!GetAtt PLLDBAgentRole.Arn"}),
    },
    "PLLDBAgentRole": {"ManageConnections": ({"execute-api:ManageConnections"}, {GET, POST})},
    "PLLDBManagerRole": {
        "Configuration": (
            {"lambda:GetFunctionConfiguration", "lambda:UpdateFunctionConfiguration"},
            {LAMBDA + "${AWS::AccountId}:function:*"},
        ),
        "Layers": ({"lambda:GetLayerVersion"}, {LAMBDA + "*:layer:*:*"}),
        "Stacks": (
            {"cloudformation:ListStackResources"},
            {"arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack/*/*"},
        ),
        "Items": (
            {
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:Scan",
                "dynamodb:UpdateItem",
            },
            {FUNCTIONS},
        ),
    },
}


@pytest.mark.parametrize("role", sorted(RIGHTS))
def test_role_may_do_what_it_is_for_and_nothing_else(resources: Resources, role: str) -> None:
    names = [f"plldb-ws-api-{part}" for part, name in ROLES.items() if name == role]
    names += [REAPER] if role == "PLLDBManagerRole" else []
    logs = {"Write": (LOGS, {f"{LOG_GROUP}/aws/lambda/{name}:*" for name in names})}
    found = statements_of(resources, role)
    assert {sid: (actions_of(each), targets_of(each)) for sid, each in found.items()} == RIGHTS[role] | (
        logs if names else {}
    )


def test_late_invocation_cannot_bring_a_log_group_back(template: dict[str, Any]) -> None:
    assert "logs:CreateLogGroup" not in set(strings_in(template))


def test_every_wildcard_has_its_reason_beside_it(template_text: str) -> None:
    lines = template_text.splitlines()
    for number, line in enumerate(lines):
        if line.lstrip().startswith("#") or "*" not in line:
            continue
        above = number - 1
        while lines[above].lstrip().startswith("- !Sub") or lines[above].strip() == "Resource:":
            above -= 1
        comment = []
        while lines[above].lstrip().startswith("#"):
            comment.append(lines[above])
            above -= 1
        assert '"*"' in " ".join(comment), f"line {number + 1}: {line.strip()}"


# --- API --------------------------------------------------------------------------------------------------


def test_api_is_as_specified(resources: Resources) -> None:
    assert resources["PLDDBAPI"]["Type"] == "AWS::ApiGatewayV2::Api"
    properties = resources["PLDDBAPI"]["Properties"]
    assert properties["Name"] == "PLLDBAPI"
    assert properties["ProtocolType"] == "WEBSOCKET"
    assert properties["RouteSelectionExpression"] == "$request.body.action"


def test_every_part_of_the_api_belongs_to_the_one_api(resources: Resources) -> None:
    assert set(of_type(resources, "ApiGatewayV2::Api")) == {"PLDDBAPI"}
    for kind in ("Authorizer", "Integration", "Route", "Stage"):
        for properties in of_type(resources, f"ApiGatewayV2::{kind}").values():
            assert properties["ApiId"] == {"Ref": "PLDDBAPI"}


def test_authorizer_requires_nothing_from_the_client(resources: Resources) -> None:
    _, properties = the_one(resources, "ApiGatewayV2::Authorizer")
    assert properties["AuthorizerType"] == "REQUEST"
    assert properties["IdentitySource"] == []
    assert properties["AuthorizerUri"] == {"Fn::Sub": f"{INVOCATIONS}plldb-ws-api-authorize/invocations"}


def test_there_are_three_routes_and_connect_is_authorized(resources: Resources) -> None:
    authorizer, _ = the_one(resources, "ApiGatewayV2::Authorizer")
    routes = {own["RouteKey"]: own for own in of_type(resources, "ApiGatewayV2::Route").values()}
    assert set(routes) == {"$connect", "$disconnect", "$default"}
    assert {key: own["AuthorizationType"] for key, own in routes.items()} == {
        "$connect": "CUSTOM",
        "$disconnect": "NONE",
        "$default": "NONE",
    }
    assert routes["$connect"]["AuthorizerId"] == {"Ref": authorizer}
    # One-way: what a handler returns reaches no client. MiniStack would pass it on, AWS does not.
    assert not [key for key, own in routes.items() if "RouteResponseSelectionExpression" in own]


@pytest.mark.parametrize("part", ROUTES)
def test_route_leads_to_its_function(resources: Resources, part: str) -> None:
    _, route = the_one(resources, "ApiGatewayV2::Route", RouteKey=f"${part}")
    (integration,) = names_in(route["Target"])
    assert route["Target"] == {"Fn::Sub": f"integrations/${{{integration}}}"}
    properties = resources[integration]["Properties"]
    assert properties["IntegrationType"] == "AWS_PROXY"
    assert properties["IntegrationUri"] == {"Fn::Sub": f"{INVOCATIONS}plldb-ws-api-{part}/invocations"}


def test_every_integration_is_used_by_exactly_one_route(resources: Resources) -> None:
    used = Counter(
        name for own in of_type(resources, "ApiGatewayV2::Route").values() for name in names_in(own["Target"])
    )
    assert used == Counter(of_type(resources, "ApiGatewayV2::Integration").keys())


def test_stage_deploys_by_itself_and_throttles(resources: Resources) -> None:
    _, properties = the_one(resources, "ApiGatewayV2::Stage")
    assert properties["AutoDeploy"] is True
    assert properties["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 1000, "ThrottlingRateLimit": 500}


def test_stage_waits_for_every_route(resources: Resources) -> None:
    stage, _ = the_one(resources, "ApiGatewayV2::Stage")
    assert waits_for(resources, stage) >= of_type(resources, "ApiGatewayV2::Route").keys()


def test_stage_name_is_the_same_wherever_it_stands(template: dict[str, Any], resources: Resources) -> None:
    _, properties = the_one(resources, "ApiGatewayV2::Stage")
    found = {
        match[1]
        for text in strings_in(template)
        if (match := re.search(r"\$\{PLDDBAPI\}/(\w+)/(?:\*|\$(?!\{))", text)) is not None
    }
    assert found == {properties["StageName"]}


# --- functions --------------------------------------------------------------------------------------------


def test_each_handler_file_is_used_by_exactly_one_function(
    functions: Resources, handler_stems: list[str]
) -> None:
    assert sorted(own["Handler"] for own in functions.values()) == [
        f"{stem}.handler" for stem in handler_stems
    ]


def test_each_function_runs_the_code_of_its_own_handler(functions: Resources) -> None:
    for properties in functions.values():
        stem = properties["Handler"].removesuffix(".handler")
        assert properties["Code"] == {
            "S3Bucket": "__plldb.bucket__",
            "S3Key": f"__plldb.{stem}.key__",
            "S3ObjectVersion": f"__plldb.{stem}.version_id__",
        }
        assert properties["FunctionName"] == "plldb-" + stem.removesuffix("_handler").replace("_", "-")


def test_functions_are_alike_and_each_runs_as_its_own_role(functions: Resources) -> None:
    for properties in functions.values():
        is_reaper = properties["FunctionName"] == REAPER
        part = properties["FunctionName"].removeprefix("plldb-ws-api-")
        assert properties["Role"] == {"Fn::GetAtt": ["PLLDBManagerRole" if is_reaper else ROLES[part], "Arn"]}
        assert properties["Runtime"] == "python3.13"
        assert properties["Architectures"] == ["x86_64"]
        assert properties["MemorySize"] == 512
        assert properties["Timeout"] == (60 if is_reaper else 10)
        assert "ReservedConcurrentExecutions" not in properties


@pytest.mark.parametrize("part", PARTS)
def test_function_has_one_invoke_permission_bound_to_the_one_api_and_route(
    resources: Resources, functions: Resources, part: str
) -> None:
    (function,) = [name for name, own in functions.items() if own["FunctionName"] == f"plldb-ws-api-{part}"]
    _, permission = the_one(resources, "Lambda::Permission", FunctionName={"Ref": function})
    authorizer, _ = the_one(resources, "ApiGatewayV2::Authorizer")
    bound_to = f"/authorizers/${{{authorizer}}}" if part == "authorize" else f"/live/${part}"
    assert permission == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": function},
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": {"Fn::Sub": API + bound_to},
    }


def test_the_reaper_is_invoked_by_its_schedule_and_nothing_else(resources: Resources) -> None:
    _, rule = the_one(resources, "Events::Rule")
    function = {"Fn::Sub": LAMBDA + "${AWS::AccountId}:function:" + REAPER}
    assert rule["Targets"] == [{"Id": "lease-reaper", "Arn": function}]
    _, permission = the_one(resources, "Lambda::Permission", Principal="events.amazonaws.com")
    assert resources[permission["FunctionName"]["Ref"]]["Properties"]["FunctionName"] == REAPER
    assert permission["SourceArn"]["Fn::Sub"].endswith(f":rule/{rule['Name']}")


def test_there_is_no_other_permission(resources: Resources) -> None:
    assert len(of_type(resources, "Lambda::Permission")) == len(PARTS) + 1


def test_each_function_has_one_log_group_with_retention(resources: Resources, functions: Resources) -> None:
    groups = of_type(resources, "Logs::LogGroup").values()
    assert sorted(own["LogGroupName"] for own in groups) == sorted(
        f"/aws/lambda/{own['FunctionName']}" for own in functions.values()
    )
    assert all(own["RetentionInDays"] > 0 for own in groups)


# --- layer ------------------------------------------------------------------------------------------------


def test_the_layer_is_for_every_python_that_the_agent_knows_under_the_name_that_arming_knows(
    resources: Resources,
) -> None:
    _, properties = the_one(resources, "Lambda::LayerVersion")
    assert {name: own for name, own in properties.items() if name != "Description"} == {
        "LayerName": LAYER_NAME,
        "CompatibleRuntimes": [f"python3.{minor}" for minor in range(9, 15)],
        "Content": {
            "S3Bucket": "__plldb.bucket__",
            "S3Key": "__plldb.plldb_agent.key__",
            "S3ObjectVersion": "__plldb.plldb_agent.version_id__",
        },
    }


# --- who waits for whom -----------------------------------------------------------------------------------


def test_no_role_waits_for_anything(resources: Resources) -> None:
    assert not set().union(*(waits_for(resources, role) for role in of_type(resources, "IAM::Role")))


def test_nothing_waits_for_a_table_or_a_log_group(resources: Resources) -> None:
    slow = {*of_type(resources, "DynamoDB::Table"), *of_type(resources, "Logs::LogGroup")}
    assert not slow & set().union(*(waits_for(resources, name) for name in resources))


def test_function_waits_for_roles_only(resources: Resources, functions: Resources) -> None:
    for name in functions:
        assert waits_for(resources, name) <= of_type(resources, "IAM::Role").keys()


def test_api_is_built_beside_the_functions(resources: Resources, functions: Resources) -> None:
    for kind in ("Api", "Authorizer", "Integration", "Route", "Stage"):
        for name in of_type(resources, f"ApiGatewayV2::{kind}"):
            assert not waits_for(resources, name) & {*functions, *of_type(resources, "IAM::Role")}


def test_nothing_waits_for_the_stage(resources: Resources) -> None:
    stage, _ = the_one(resources, "ApiGatewayV2::Stage")
    assert all(stage not in waits_for(resources, name) for name in resources)


# --- the template as a whole ------------------------------------------------------------------------------


def test_destroy_leaves_nothing(resources: Resources) -> None:
    for resource in resources.values():
        assert not {"DeletionPolicy", "UpdateReplacePolicy"} & resource.keys()


def test_template_is_vanilla(template: dict[str, Any], functions: Resources) -> None:
    assert set(template) == {"AWSTemplateFormatVersion", "Description", "Metadata", "Resources", "Outputs"}
    assert all("ZipFile" not in own["Code"] for own in functions.values())


def test_outputs_are_the_promised_ones(template: dict[str, Any]) -> None:
    assert {name: output["Value"] for name, output in template["Outputs"].items()} == {
        "WebSocketUrl": {
            "Fn::Sub": "wss://${PLDDBAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${Stage}"
        },
        "ManagementUrl": {
            "Fn::Sub": "https://${PLDDBAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/${Stage}"
        },
        "SessionsTableName": {"Ref": "PLDDBSessions"},
        "DebuggerTableName": {"Ref": "PLLDBDebugger"},
        "DebuggerRoleArn": {"Fn::GetAtt": ["PLLDBDebuggerRole", "Arn"]},
        "ManagerRoleArn": {"Fn::GetAtt": ["PLLDBManagerRole", "Arn"]},
        "AgentLayerArn": {"Ref": "AgentLayer"},
        "Version": "__plldb.version__",
    }
    assert not any("Export" in output for output in template["Outputs"].values())


def test_placeholders_are_the_offered_ones_and_stand_alone_in_quotes(
    template_text: str, handler_stems: list[str]
) -> None:
    offered = {
        "version",
        "bucket",
        *(f"{stem}.{name}" for stem in [*handler_stems, "plldb_agent"] for name in ("key", "version_id")),
    }
    # The version id of a handler ends in "id__"; names have single underscores only.
    found = re.findall(r"__plldb\.([a-z0-9]+(?:[._][a-z0-9]+)*)__", template_text)
    assert set(found) == offered
    assert len(found) == len(re.findall(r'"__plldb\.[a-z0-9._]+__"', template_text))
    assert len(found) == template_text.count("__plldb.")


def test_no_partition_and_no_domain_is_written_out(template: dict[str, Any]) -> None:
    texts = list(strings_in(template))
    assert not [text for text in texts if "arn:aws" in text]
    # Principals of services are so named in every partition.
    assert {text for text in texts if "amazonaws" in text} == {
        "apigateway.amazonaws.com",
        "events.amazonaws.com",
        "lambda.amazonaws.com",
    }


def test_every_arn_begins_with_the_partition_of_the_stack(template: dict[str, Any]) -> None:
    for text in strings_in(template):
        for tail in re.split(r"\barn:", text)[1:]:
            assert tail.startswith("${AWS::Partition}:")


def test_template_is_ascii_and_small(template_path: Path) -> None:
    content = template_path.read_bytes()
    assert content.isascii()
    assert b"\r" not in content
    assert b"\t" not in content
    # Room for what the renderer puts in: a key has at most 1,024 bytes in S3, a version id too.
    assert len(content) + 8 * 1024 < LARGEST_TEMPLATE_BODY


# --- cfn-lint ---------------------------------------------------------------------------------------------

lints = pytest.mark.skipif(
    importlib.util.find_spec("cfnlint") is None, reason="cfn-lint is not installed here"
)


def lint(path: Path, *arguments: str) -> str:
    """Run cfn-lint in a process of its own: its warnings about itself are none of ours."""
    start = "import sys; from cfnlint.runner import main; sys.exit(main())"
    command = [sys.executable, "-c", start, *arguments, "--", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def render(text: str) -> str:
    """Fill in the placeholders, with values as AWS has them."""
    values = {"version": "1.2.3", "bucket": "plldb-core-infrastructure-eu-west-1-123456789012"}
    key = "plldb/versions/1.2.3/lambda_functions/x.zip"

    def value_of(match: re.Match[str]) -> str:
        return values.get(match[1]) or (key if match[1].endswith(".key") else "3HL4kqtJvjVBH40Nrjfkd")

    return re.sub(r"__plldb\.([a-z0-9]+(?:[._][a-z0-9]+)*)__", value_of, text)


@lints
def test_cfn_lint_is_silent_on_the_template_as_it_lies_in_the_package(template_path: Path) -> None:
    """In its own region, us-east-1."""
    assert lint(template_path) == ""


@lints
def test_cfn_lint_is_silent_on_the_rendered_template(template_text: str, tmp_path: Path) -> None:
    """Without the Metadata section too, which lets the bucket's placeholder pass."""
    rendered = render(template_text)
    bare = re.sub(r"^Metadata:\n(?:(?: .*)?\n)*", "", rendered, flags=re.MULTILINE)
    assert "ignore_checks" not in bare
    for name, text in (("rendered.yaml", rendered), ("bare.yaml", bare)):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        assert lint(path) == ""


@lints
@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "ap-southeast-4"])
def test_cfn_lint_is_silent_in_every_other_partition(template_path: Path, region: str) -> None:
    assert lint(template_path, "--regions", region) == ""


def test_the_doctor_looks_for_leftovers_under_the_names_that_the_template_gives(
    resources: Resources,
) -> None:
    tables = {own["TableName"] for own in of_type(resources, "DynamoDB::Table").values()}
    assert tables == set(TABLES)
    groups = [own["LogGroupName"] for own in of_type(resources, "Logs::LogGroup").values()]
    assert groups
    assert all(name.startswith(LOG_GROUPS) for name in groups)
