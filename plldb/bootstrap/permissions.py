"""Whether the caller may do what a policy document of plldb allows. Talks to IAM, whose simulator it asks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

import plldb
from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.bootstrap.artifacts.bucket import bucket_name
from plldb.bootstrap.artifacts.publish import version_prefix
from plldb.bootstrap.artifacts.sources import list_packages, read_template
from plldb.bootstrap.template import read_resources
from plldb.tasks import gather_all

# Parts of names that AWS makes up: a stack's and an API's id, the end of a role's name, a layer's version.
STACK_ID = "00000000-0000-0000-0000-000000000000"
API_ID = "a1b2c3d4e5"
ROLE_SUFFIX = "0123456789AB"
LAYER_VERSION = "plldb-agent:1"


async def find_missing_actions(aws: Aws, target: Target, policy: str) -> list[str]:
    """Return the actions of a policy document, for example ``"setup"``, that the caller is not allowed.

    IAM is asked about the very bucket, stack, tables, roles and functions of the target, so that a policy
    that is narrowed to them is found sufficient.

    Raises:
        AwsError: the simulator, or the caller's role, cannot be asked.
    """
    document = json.loads((files("plldb.bootstrap.policies") / f"{policy}.json").read_text())
    source = await _policy_source(aws, target.caller_arn)
    names = arns_of_stack(target, await _role_ids(), _function_names())
    denied = await gather_all(
        *[_denied(aws, source, statement, target, names) for statement in document["Statement"]]
    )
    return sorted({action for actions in denied for action in actions})


async def _role_ids() -> list[str]:
    resources = read_resources(await read_template())
    return [each.logical_id for each in resources if each.resource_type == "AWS::IAM::Role"]


def _function_names() -> list[str]:
    return [
        "plldb-" + package.name.removesuffix("_handler").replace("_", "-")
        for package in list_packages()
        if package.folder == "lambda_functions"
    ]


async def _policy_source(aws: Aws, caller_arn: str) -> str:
    """Return the ARN that the simulator takes: for a session that of its role, path and all."""
    role = re.fullmatch(r"arn:[^:]+:sts::\d+:assumed-role/([^/]+)/.+", caller_arn)
    if role is None:
        return caller_arn
    iam = await aws.client("iam")
    answer = await aws.call(iam.get_role, RoleName=role[1])
    return str(answer["Role"]["Arn"])


async def _denied(
    aws: Aws, source: str, statement: dict[str, Any], target: Target, names: Iterable[str]
) -> set[str]:
    iam = await aws.client("iam")
    arns = [arn for each in as_list(statement["Resource"]) for arn in concrete_arns(each, target, names)]
    question = {
        "PolicySourceArn": source,
        "ActionNames": as_list(statement["Action"]),
        "ResourceArns": arns,
        "ContextEntries": context_entries(statement),
    }
    denied: set[str] = set()
    while True:  # a page has 100 results: one for each action and resource
        answer = await aws.call(iam.simulate_principal_policy, **question)
        denied |= denied_actions(answer)
        if not answer.get("IsTruncated") or "Marker" not in answer:
            return denied
        question["Marker"] = answer["Marker"]


def denied_actions(answer: dict[str, Any]) -> set[str]:
    """Return the actions that a page of the simulator's results denies for at least one resource. Pure."""
    return {
        result["EvalActionName"]
        for result in answer.get("EvaluationResults", [])
        if result["EvalDecision"] != "allowed"
        or any(
            each.get("EvalResourceDecision") != "allowed"
            for each in result.get("ResourceSpecificResults", [])
        )
    }


def arns_of_stack(target: Target, role_ids: Iterable[str], function_names: Iterable[str]) -> tuple[str, ...]:
    """Return what a setup makes or touches in an account and region, named as AWS does it. Pure."""

    def arn(service: str, resource: str) -> str:
        return f"arn:{target.partition}:{service}:{target.region}:{target.account}:{resource}"

    bucket = f"arn:{target.partition}:s3:::{bucket_name(target)}"
    apis = f"arn:{target.partition}:apigateway:{target.region}::"
    sessions = arn("dynamodb", "table/PLLDBSessions")
    functions = list(function_names)
    return (
        bucket,
        f"{bucket}/{version_prefix(plldb.__version__)}template.yaml",
        arn("cloudformation", f"stack/plldb/{STACK_ID}"),
        sessions,
        f"{sessions}/index/ConnectionId",
        f"{sessions}/index/StackName",
        arn("dynamodb", "table/PLLDBDebugger"),
        *(
            f"arn:{target.partition}:iam::{target.account}:role/plldb-{each}-{ROLE_SUFFIX}"
            for each in role_ids
        ),
        *(arn("lambda", f"function:{each}") for each in functions),
        arn("lambda", f"layer:{LAYER_VERSION}"),
        *(arn("logs", f"log-group:/aws/lambda/{each}") for each in functions),
        f"{apis}/apis",
        f"{apis}/apis/{API_ID}",
        f"{apis}/apis/{API_ID}/stages",
        f"{apis}/tags/arn%3A{target.partition}%3Aapigateway%3A{target.region}%3A%3A%2Fapis%2F{API_ID}",
    )


def concrete_arns(pattern: str, target: Target, names: Iterable[str]) -> list[str]:
    """Return the ARNs among ``names`` that a resource of a policy document stands for. Pure.

    A resource without a ``*`` in its name, and the resource ``*``, stand for themselves.
    """
    if pattern == "*":
        return [pattern]
    _, _, service, region, account, resource = pattern.split(":", 5)
    region = target.region if region == "*" else region
    account = target.account if account == "*" else account
    own = f"arn:{target.partition}:{service}:{region}:{account}:{resource}"
    if "*" not in resource:
        return [own]
    # What is done to a bucket is not done to its objects, although the name of an object fits as well.
    return [name for name in names if fnmatchcase(name, own) and ("/" in name) == ("/" in resource)]


def context_entries(statement: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the circumstances that the conditions ask for, as CloudFormation meets them. Pure."""
    entries: list[dict[str, Any]] = []
    for operator, conditions in statement.get("Condition", {}).items():
        kind = "stringList" if operator.startswith("ForAnyValue") else "string"
        entries += [
            {"ContextKeyName": key, "ContextKeyValues": as_list(value), "ContextKeyType": kind}
            for key, value in conditions.items()
        ]
    return entries


def as_list(value: str | list[str]) -> list[str]:
    """Return what IAM writes as one string or a list of them, as a list. Pure."""
    return [value] if isinstance(value, str) else value
