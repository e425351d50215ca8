"""A dry run of setup: what would happen, from the real state, with nothing changed. Talks to AWS."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any, Literal

import plldb
from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.bootstrap.artifacts.bucket import Bucket, open_bucket
from plldb.bootstrap.artifacts.packages import build_package
from plldb.bootstrap.artifacts.publish import look_at_package, package_key, version_prefix
from plldb.bootstrap.artifacts.sources import PackageSource, list_packages, read_files
from plldb.bootstrap.artifacts.survey import BucketSurvey, survey_bucket
from plldb.bootstrap.errors import StackFailedError
from plldb.bootstrap.events.setup import ArtifactPlan, ResourceChange, SetupPlanned
from plldb.bootstrap.options import SetupOptions, placeholder_values, remember, render_stack
from plldb.bootstrap.stack.answers import changes_in
from plldb.bootstrap.stack.client import Stack
from plldb.bootstrap.stack.decide import DEPLOYED, DIFFERS, MISSING, SETUP, Seen, Step, decide, is_deployed
from plldb.bootstrap.stack.health import look_at_parts
from plldb.bootstrap.stack.operate import ACTIONS
from plldb.bootstrap.stack.parts import depending_on
from plldb.bootstrap.template import TemplateResource, read_resources
from plldb.errors import AwsError, Hint, UnreachableError
from plldb.tasks import finish, gather_all

log = logging.getLogger(__name__)

# Stands for the version that an upload would get. CloudFormation compares it, and looks for nothing.
UNKNOWN_VERSION = "made-by-the-upload"


async def preview(
    aws: Aws, target: Target, stack: Stack, seen: Seen, text: str, options: SetupOptions
) -> SetupPlanned:
    """Return what a setup would do."""
    bucket = await open_bucket(aws, target, stack.pace)
    step = decide(seen.snapshot, SETUP)
    survey = await survey_bucket(bucket, version_prefix(plldb.__version__))
    plans = await gather_all(*[_plan_artifact(bucket, source, survey) for source in list_packages()])
    found = [(plan.function_name, plan.key, _version(plan, survey)) for plan in plans]
    seen = await stack.with_body(seen)
    body, tags = render_stack(
        options, remember(seen.snapshot, seen.body), text, placeholder_values(bucket.name, found)
    )
    reason = step.value
    changes: tuple[ResourceChange, ...] = ()
    missing = (await look_at_parts(stack, seen)).missing
    if step is Step.UPDATE and missing:
        gone = depending_on(seen.body or "", frozenset(part.logical_id for part in missing))
        reason = MISSING
        changes = tuple(added(each) for each in read_resources(text) if each.logical_id in gone)
    elif step is Step.UPDATE and seen.snapshot and is_deployed(seen.snapshot, seen.body, body, tags):
        step, reason = Step.NOTHING, DEPLOYED
    elif step is Step.UPDATE:
        reason, changes = DIFFERS, await read_changes(stack, body, tags)
    elif step is Step.CREATE:
        changes = tuple(added(each) for each in read_resources(text))
    return SetupPlanned(
        bucket=bucket.name,
        bucket_change=_bucket_change(survey),
        repairs=tuple(repair.name for repair in survey.repairs),
        artifacts=plans,
        action=ACTIONS[step],
        reason=reason,
        missing=missing,
        changes=changes,
    )


def added(resource: TemplateResource) -> ResourceChange:
    """Return a resource of the template as CloudFormation tells one that it will make. Pure."""
    return ResourceChange(
        action="add",
        logical_id=resource.logical_id,
        resource_type=resource.resource_type,
        replacement="false",
    )


async def read_changes(
    stack: Stack, body: str, tags: tuple[tuple[str, str], ...]
) -> tuple[ResourceChange, ...]:
    """Let CloudFormation say what an update would change; its change set is always removed again."""
    name = f"plldb-dry-run-{uuid.uuid4()}"
    where: dict[str, Any] = {"StackName": stack.name, "ChangeSetName": name}
    made = True
    try:
        await stack.aws.call(
            stack.client.create_change_set,
            **where,
            ChangeSetType="UPDATE",
            # Inline: a dry run uploads nothing.
            TemplateBody=body,
            Tags=[{"Key": key, "Value": value} for key, value in tags],
            Capabilities=["CAPABILITY_IAM"],
        )
        return await _read_change_set(stack, where)
    except AwsError as error:
        # Without an answer it may have been made all the same.
        made = isinstance(error, UnreachableError) or error.operation != "CreateChangeSet"
        raise
    finally:
        if made:
            await finish(_remove_change_set(stack, where))


async def _remove_change_set(stack: Stack, where: dict[str, Any]) -> None:
    pace, loop = stack.pace, asyncio.get_running_loop()
    give_up = loop.time() + pace.last_read
    while True:
        try:
            await stack.aws.call(stack.client.delete_change_set, **where)
            return
        except AwsError as error:
            # Nothing can be deleted that is still being made, as after Ctrl-C.
            if error.aws_code != "InvalidChangeSetStatus" or loop.time() >= give_up:
                log.warning("the change set %s stays behind: %s", where["ChangeSetName"], error)
                return
        await asyncio.sleep(pace.poll)


async def _read_change_set(stack: Stack, where: dict[str, Any]) -> tuple[ResourceChange, ...]:
    changes: list[ResourceChange] = []
    page: dict[str, Any] = {}
    while True:
        answer = await stack.aws.call(stack.client.describe_change_set, **where, **page)
        status, reason = answer.get("Status", ""), answer.get("StatusReason", "")
        if status == "FAILED":
            # CloudFormation calls it a failure when there is nothing to change.
            if "didn't contain changes" in reason or "No updates" in reason:
                return ()
            raise StackFailedError(
                f"CloudFormation cannot tell the changes: {reason}",
                stack=stack.name,
                hint=Hint("fix-cause", "Fix what the reason names, then try again. Nothing was changed."),
            )
        if status in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            await asyncio.sleep(stack.pace.poll)
            continue
        changes += changes_in(answer)
        if "NextToken" not in answer:
            return tuple(changes)
        page = {"NextToken": answer["NextToken"]}


async def _plan_artifact(bucket: Bucket, source: PackageSource, survey: BucketSurvey) -> ArtifactPlan:
    package = build_package(source.name, await read_files(source))
    key = package_key(plldb.__version__, source)
    stored = survey.objects.get(key)
    if stored is not None and stored.md5 is None:
        stored = await look_at_package(bucket, key, package)
    change: Literal["new", "changed", "same"] = "new"
    if stored:
        change = "same" if stored.md5 == package.md5 else "changed"
    return ArtifactPlan(function_name=package.name, key=key, change=change)


def _version(plan: ArtifactPlan, survey: BucketSurvey) -> str:
    return survey.objects[plan.key].version_id if plan.change == "same" else UNKNOWN_VERSION


def _bucket_change(survey: BucketSurvey) -> Literal["create", "repair", "none"]:
    if not survey.exists:
        return "create"
    return "repair" if survey.repairs else "none"
