"""The policies allow what the resources of the template need, by CloudFormation's own schemas, and no more.

A schema names the IAM actions that creating, reading, updating and deleting a resource of its type may
take; cfn-lint ships the schemas. What is named for a property that the template does not use is not needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.unit.bootstrap.cloudformation.test_policies import ROOT, listed, statements_of

cfnlint = pytest.importorskip("cfnlint")

Resources = dict[str, dict[str, Any]]
Need = tuple[str, str]
"""An action, and the ARN that it is done to."""

# Type → property → actions that are taken for this property only. Who uses the property takes its line out.
UNUSED: dict[str, dict[str, tuple[str, ...]]] = {
    "AWS::ApiGatewayV2::Api": {"BodyS3Location": ("s3:getObject",)},
    "AWS::ApiGatewayV2::Authorizer": {"AuthorizerCredentialsArn": ("iam:PassRole",)},
    "AWS::ApiGatewayV2::Integration": {"CredentialsArn": ("iam:PassRole",)},
    "AWS::DynamoDB::Table": {
        "ContributorInsightsSpecification": (
            "dynamodb:UpdateContributorInsights",
            "iam:CreateServiceLinkedRole",
        ),
        "ImportSourceSpecification": ("dynamodb:DescribeImport", "dynamodb:ImportTable", "logs:*", "s3:*"),
        "KinesisStreamSpecification": (
            "dynamodb:DisableKinesisStreamingDestination",
            "dynamodb:EnableKinesisStreamingDestination",
            "dynamodb:UpdateKinesisStreamingDestination",
            "kinesis:*",
        ),
        "PointInTimeRecoverySpecification": ("dynamodb:UpdateContinuousBackups",),
        # A property of AWS::DynamoDB::GlobalTable, with which this type shares its handlers.
        "Replicas": ("dynamodb:*TableReplica", "dynamodb:*Item", "dynamodb:Query", "dynamodb:Scan"),
        "ResourcePolicy": ("dynamodb:DeleteResourcePolicy", "dynamodb:PutResourcePolicy"),
        "SSESpecification": ("kms:*",),
    },
    "AWS::Events::Rule": {"RoleArn": ("iam:PassRole",)},
    "AWS::IAM::Policy": {"Groups": ("iam:*GroupPolicy",), "Users": ("iam:*UserPolicy",)},
    "AWS::IAM::Role": {"ManagedPolicyArns": ("iam:AttachRolePolicy",)},
    "AWS::Lambda::Function": {
        "CapacityProviderConfig": ("lambda:PassCapacityProvider",),
        "CodeSigningConfigArn": (
            "lambda:DeleteFunctionCodeSigningConfig",
            "lambda:GetCodeSigningConfig",
            "lambda:PutFunctionCodeSigningConfig",
        ),
        "FileSystemConfigs": ("elasticfilesystem:*", "s3files:*"),
        "FunctionScalingConfig": ("lambda:PutFunctionScalingConfig",),
        "KmsKeyArn": ("kms:*",),
        "Layers": ("lambda:GetLayerVersion",),
        "PublishToLatestPublished": ("lambda:PublishVersion",),
        "RecursiveLoop": ("lambda:PutFunctionRecursionConfig",),
        "ReservedConcurrentExecutions": (
            "lambda:DeleteFunctionConcurrency",
            "lambda:PutFunctionConcurrency",
        ),
        "RuntimeManagementConfig": ("lambda:AssociateRuntimeAlias", "lambda:PutRuntimeManagementConfig"),
        "VpcConfig": ("ec2:*",),
    },
    "AWS::Logs::LogGroup": {
        "BearerTokenAuthenticationEnabled": ("logs:PutBearerTokenAuthentication",),
        "DataProtectionPolicy": (
            "firehose:*",
            "logs:CreateLogDelivery",
            "logs:PutDataProtectionPolicy",
            "s3:REST.PUT.OBJECT",
        ),
        "DeletionProtectionEnabled": ("logs:PutLogGroupDeletionProtection",),
        "FieldIndexPolicies": ("logs:DeleteIndexPolicy", "logs:PutIndexPolicy"),
        "KmsKeyId": ("logs:AssociateKmsKey", "logs:DisassociateKmsKey"),
        "ResourcePolicyDocument": ("logs:DeleteResourcePolicy", "logs:PutResourcePolicy"),
    },
}
# What no schema names. The first API of an account makes API Gateway's own service-linked role.
BESIDES = {
    "setup": {"iam:CreateServiceLinkedRole"},
    "destroy": set[str](),
}
# These take no resource narrower than all.
OF_ALL = {"logs:DescribeIndexPolicies", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies"}

AWS = "arn:aws:{}:eu-west-1:123456789012:{}"
ROLE = "arn:aws:iam::123456789012:role/plldb-{}-1ABCDEFGHIJKL"
FUNCTIONS = ["plldb-ws-api-connect", "plldb-lease-reaper"]
API = "arn:aws:apigateway:eu-west-1::/apis"
PACKAGE = "arn:aws:s3:::plldb-core-infrastructure-eu-west-1-123456789012/plldb/versions/1.2.3/x.zip"


@cache
def schema_of(kind: str) -> dict[str, Any]:
    folder = Path(cfnlint.__file__).parent / "data" / "schemas"
    names = json.loads((folder / "providers" / "us-east-1.json").read_text("utf-8"))
    schema: dict[str, Any] = json.loads((folder / "resources" / f"{names[kind]}.json").read_text("utf-8"))
    return schema


def actions_of(kind: str, *handlers: str) -> set[str]:
    """What these handlers of a resource type may call; ``tagging`` counts as one."""
    schema = schema_of(kind)
    parts = [schema["handlers"].get(name, {}) for name in handlers]
    parts += [schema.get("tagging") or {}] if "tagging" in handlers else []
    return {action for part in parts for action in part.get("permissions", [])}


def needs_of(resources: Resources, *handlers: str) -> set[Need]:
    return {
        (action, arn)
        for name, resource in resources.items()
        for action in actions_of(resource["Type"], *handlers)
        if not is_unused(resource["Type"], action)
        for arn in arns_of(action, name, resource)
    }


def is_unused(kind: str, action: str) -> bool:
    patterns = [each for actions in UNUSED.get(kind, {}).values() for each in actions]
    return any(fnmatchcase(action, pattern) for pattern in patterns)


def arns_of(action: str, name: str, resource: dict[str, Any]) -> list[str]:
    """The ARNs, as AWS would make them, that an action for a resource of the template is done to."""
    properties = resource["Properties"]
    if action in OF_ALL:
        return ["*"]
    if action.startswith("s3:"):
        return [PACKAGE]
    if action == "iam:PassRole":
        return [ROLE.format(properties["Role"]["Fn::GetAtt"][0])]
    match resource["Type"]:
        case "AWS::DynamoDB::Table":
            table = AWS.format("dynamodb", f"table/{properties['TableName']}")
            if action != "dynamodb:DescribeContributorInsights":
                return [table]
            indexes = properties.get("GlobalSecondaryIndexes", [])
            return [table, *(f"{table}/index/{each['IndexName']}" for each in indexes)]
        case "AWS::Events::Rule":
            return [AWS.format("events", f"rule/{properties['Name']}")]
        case "AWS::IAM::Role":
            return [ROLE.format(name)]
        case "AWS::IAM::Policy":
            return [ROLE.format(role["Ref"]) for role in properties["Roles"]]
        case "AWS::Lambda::Function":
            return [AWS.format("lambda", f"function:{properties['FunctionName']}")]
        case "AWS::Lambda::LayerVersion":
            # AWS makes up the version, by which a layer is read and deleted.
            layer = AWS.format("lambda", f"layer:{properties['LayerName']}")
            return [layer] if action == "lambda:PublishLayerVersion" else [f"{layer}:7"]
        case "AWS::Lambda::Permission":
            # Every permission is one to invoke a function of the stack.
            return [AWS.format("lambda", f"function:{name}") for name in FUNCTIONS]
        case "AWS::Logs::LogGroup":
            group = AWS.format("logs", f"log-group:{properties['LogGroupName']}")
            return [group, f"{group}:*"]
        case "AWS::ApiGatewayV2::Stage":
            # Where TagResource of a new stage is asked for: aws-amplify/amplify-cli#12316.
            return [f"{API}/a1b2c3/stages", f"{API}/a1b2c3/stages/live"]
        case "AWS::ApiGatewayV2::Api":
            tags = ["arn:aws:apigateway:eu-west-1::/tags/arn%3Aaws"]
            return [API, f"{API}/a1b2c3", *(tags if action in ("apigateway:POST", "apigateway:PUT") else [])]
        case kind if kind.startswith("AWS::ApiGatewayV2::"):
            return [f"{API}/a1b2c3/parts", f"{API}/a1b2c3/parts/d4e5f6"]
        case kind:
            pytest.fail(f"Say here what the ARN of an {kind} is.")


def statements_for_cloudformation(policy: str) -> list[dict[str, Any]]:
    return [each for each in statements_of(policy) if each["Sid"].startswith("CloudFormation")]


def is_allowed(need: Need, statements: list[dict[str, Any]]) -> bool:
    # IAM compares actions without case; the schemas spell one with a small letter.
    action, arn = need
    return any(
        action.lower() in [each.lower() for each in listed(statement["Action"])]
        and any(fnmatchcase(arn, pattern) for pattern in listed(statement["Resource"]))
        for statement in statements
    )


SETUP = ("create", "read", "update", "delete", "tagging")


@pytest.mark.parametrize(("policy", "handlers"), [("setup", SETUP), ("destroy", ("delete",))])
def test_policy_allows_what_the_resources_of_the_template_take(
    resources: Resources, policy: str, handlers: tuple[str, ...]
) -> None:
    statements = statements_for_cloudformation(policy)
    missing = {need for need in needs_of(resources, *handlers) if not is_allowed(need, statements)}
    assert not sorted(missing)


# destroy.json may read, too: what CloudFormation looks at when it deletes is harmless.
@pytest.mark.parametrize(("policy", "handlers"), [("setup", SETUP), ("destroy", ("delete", "read"))])
def test_policy_lets_cloudformation_do_nothing_else(
    resources: Resources, policy: str, handlers: tuple[str, ...]
) -> None:
    needs = {(action.lower(), arn) for action, arn in needs_of(resources, *handlers)}
    for statement in statements_for_cloudformation(policy):
        actions = {action.lower() for action in listed(statement["Action"])}
        actions -= {action.lower() for action in BESIDES[policy]}
        assert not actions - {action for action, _ in needs}, statement["Sid"]
        for pattern in listed(statement["Resource"]) if actions else []:
            used = any(action in actions and fnmatchcase(arn, pattern) for action, arn in needs)
            assert used, f"{statement['Sid']}: nothing needs {pattern}"


def keys_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys_in(each)


def test_exceptions_are_for_what_the_template_does_not_use(resources: Resources) -> None:
    for kind, properties in UNUSED.items():
        used = {key for each in resources.values() if each["Type"] == kind for key in keys_in(each)}
        assert not used & properties.keys(), f"{kind} is used with properties that UNUSED names"
        named = actions_of(kind, *SETUP)
        for pattern in [each for actions in properties.values() for each in actions]:
            assert any(fnmatchcase(action, pattern) for action in named), f"{kind}: {pattern} is for nothing"


# --- what plldb itself asks for ---------------------------------------------------------------------------

# Where the action is not the name of the request. S3 tells only who may list that an object is absent (404);
# a delete of a version is one of DeleteObjects; tags of a stack come with CreateStack.
REQUESTS = {
    "execute-api:ManageConnections": "open_posts",
    "lambda:InvokeFunction": "invoke",
    "lambda:GetLayerVersion": "get_layer_version_by_arn",
    "sqs:ChangeMessageVisibility": "change_message_visibility_batch",
    "apigateway:GET": "get_api",
    "cloudformation:TagResource": "create_stack",
    "cloudformation:UntagResource": "update_stack",
    "s3:DeleteObject": "delete_objects",
    "s3:DeleteObjectVersion": "delete_objects",
    "s3:GetBucketPublicAccessBlock": "get_public_access_block",
    "s3:GetEncryptionConfiguration": "get_bucket_encryption",
    "s3:GetLifecycleConfiguration": "get_bucket_lifecycle_configuration",
    "s3:ListBucket": "head_bucket",
    "s3:ListBucketMultipartUploads": "list_multipart_uploads",
    "s3:ListBucketVersions": "list_object_versions",
    "s3:PutBucketPublicAccessBlock": "put_public_access_block",
    "s3:PutEncryptionConfiguration": "put_bucket_encryption",
    "s3:PutLifecycleConfiguration": "put_bucket_lifecycle_configuration",
}


WHO_ASKS = dict.fromkeys(("attach", "restore", "invoke"), "debugger")


@pytest.mark.parametrize("policy", ["setup", "destroy", "read-only", *WHO_ASKS])
def test_plldb_makes_the_requests_that_its_own_statements_allow(policy: str) -> None:
    folder = ROOT / "plldb" / WHO_ASKS.get(policy, "bootstrap")
    source = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    own = [each for each in statements_of(policy) if not each["Sid"].startswith("CloudFormation")]
    for action in [action for statement in own for action in listed(statement["Action"])]:
        request = REQUESTS.get(action, re.sub("(?<!^)(?=[A-Z])", "_", action.split(":")[1]).lower())
        assert re.search(rf'[."]{request}\b', source), f"nothing asks for {action}"
