"""The stages of a setup, from the state of the stack to the deployment. Talks to AWS through its rooms."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import quote

import plldb
from plldb.aws import Aws, Target
from plldb.bootstrap.artifacts import Artifact, functions_prefix, publish_packages, publish_template
from plldb.bootstrap.bucket import StoredObject, create_bucket, make_safe, open_bucket, survey_bucket
from plldb.bootstrap.bucket_settings import Bucket
from plldb.bootstrap.events import (
    ArtifactReady,
    BucketReady,
    Deployment,
    SetupEvent,
    SetupFinished,
    TemplatePublished,
)
from plldb.bootstrap.operate import carry_out, decided, settle
from plldb.bootstrap.plan import DEPLOYED, DIFFERS, SETUP, Step, is_deployed
from plldb.bootstrap.sources import list_handlers
from plldb.bootstrap.stack import NoUpdates, Stack, Submitted
from plldb.bootstrap.statuses import EventStatus
from plldb.bootstrap.tasks import gather_all
from plldb.bootstrap.template import read_resources
from plldb.bootstrap.wishes import Memory, Wishes, fulfil, placeholder_values, remember
from plldb.errors import AwsError, StackFailedError

# How often the stack may be changed by somebody else under our hands before plldb gives up.
ROUNDS = 10


async def deploy(
    aws: Aws, target: Target, stack: Stack, text: str, wishes: Wishes
) -> AsyncGenerator[SetupEvent, None]:
    """Deploy the template ``text``, whatever is there; the last event is `SetupFinished`.

    Raises:
        StackFailedError: the operation failed, or somebody else changes the stack all the time or has
            deleted it.
    """
    bucket = await open_bucket(aws, target)
    resources = read_resources(text)
    changed = False
    memory = Memory()
    for _ in range(ROUNDS):
        if stack.snapshot:
            # Now, for a stack whose creation failed is removed: tags and boundary would be gone with it.
            memory = remember(stack.snapshot, await stack.read_body())
        async with aclosing(settle(stack, SETUP, resources)) as clearing:
            async for event in clearing:
                yield event
        try:
            ready, stored = await _make_ready(bucket)
            yield ready
            artifacts = await publish_packages(bucket, plldb.__version__, list_handlers(), stored)
        except AwsError as error:
            if is_bucket_gone(error):
                continue  # deleted under our hands; it is made again
            raise
        for artifact in artifacts:
            yield _artifact_ready(bucket, artifact)
        changed |= bool(ready.repaired) or any(artifact.uploaded for artifact in artifacts)

        values = placeholder_values(
            bucket.name, [(each.function_name, each.key, each.version_id) for each in artifacts]
        )
        deployed = await stack.read_body()
        if stack.snapshot:
            memory = remember(stack.snapshot, deployed)
        body, tags = fulfil(wishes, memory, text, values)
        if stack.snapshot and is_deployed(stack.snapshot, deployed, body, tags):
            yield decided(stack, Step.NOTHING, DEPLOYED)
            break
        # Nothing waits for the marker while the template is on its way.
        try:
            published, _ = await gather_all(_publish_template(bucket, body), stack.read_marker())
        except AwsError as error:
            if is_bucket_gone(error):
                continue
            raise
        yield published
        yield decided(stack, Step.UPDATE, DIFFERS) if stack.snapshot else decided(stack, Step.CREATE)
        marker = await stack.take_marker()
        submitted = await stack.submit(template_url(bucket, published), tags)
        if isinstance(submitted, Submitted):
            changed = True
            async with aclosing(carry_out(stack, submitted, marker, resources)) as events:
                async for event in events:
                    yield event
            if stack.stale:
                await stack.refresh()  # the deployment has outputs to tell; what is in the way is an error
            break
        await stack.refresh()
        if isinstance(submitted, NoUpdates):
            break
    else:
        raise StackFailedError(
            f"The stack {stack.name} does not come to rest: somebody else changes it again and again.",
            stack=stack.name,
            status=stack.snapshot.status if stack.snapshot else None,
            hint="Find out who (CloudTrail tells), then run `plldb bootstrap setup` again.",
        )
    if stack.snapshot is None or EventStatus(stack.snapshot.status).deleting:
        raise StackFailedError(
            f"The stack {stack.name} was there, but somebody has deleted it since.",
            stack=stack.name,
            status=stack.snapshot.status if stack.snapshot else None,
            hint="Make sure that no `plldb bootstrap destroy` runs, then run `plldb bootstrap setup` again.",
        )
    yield SetupFinished(changed=changed, deployment=_deployment(target, bucket, stack))


def is_bucket_gone(error: AwsError) -> bool:
    """Tell whether S3 says that there is no bucket: a destroy beside us has deleted it. Pure."""
    return error.aws_code == "NoSuchBucket"


async def _make_ready(bucket: Bucket) -> tuple[BucketReady, dict[str, StoredObject]]:
    survey = await survey_bucket(bucket, functions_prefix(plldb.__version__))
    if not survey.exists:
        await create_bucket(bucket)
    await make_safe(bucket, survey.repairs)
    repaired = tuple(repair.name for repair in survey.repairs)
    return BucketReady(bucket=bucket.name, created=not survey.exists, repaired=repaired), survey.objects


async def _publish_template(bucket: Bucket, body: str) -> TemplatePublished:
    key, version_id = await publish_template(bucket, plldb.__version__, body)
    return TemplatePublished(bucket=bucket.name, key=key, version_id=version_id, size=len(body.encode()))


def template_url(bucket: Bucket, published: TemplatePublished) -> str:
    """Return where CloudFormation reads exactly the version of the template that was uploaded. Pure."""
    suffix = bucket.aws.dns_suffix(bucket.partition)
    # Path style: the form that AWS and its emulators all understand.
    where = f"https://s3.{bucket.region}.{suffix}/{bucket.name}/{published.key}"
    return f"{where}?versionId={quote(published.version_id)}"


def _artifact_ready(bucket: Bucket, artifact: Artifact) -> ArtifactReady:
    return ArtifactReady(
        function_name=artifact.function_name,
        bucket=bucket.name,
        key=artifact.key,
        version_id=artifact.version_id,
        size=artifact.size,
        uploaded=artifact.uploaded,
    )


def _deployment(target: Target, bucket: Bucket, stack: Stack) -> Deployment:
    outputs = stack.snapshot.outputs if stack.snapshot else ()
    return Deployment(
        stack_name=stack.name,
        stack_id=stack.snapshot.stack_id if stack.snapshot else "",
        account=target.account,
        region=target.region,
        plldb_version=plldb.__version__,
        bucket=bucket.name,
        websocket_url=dict(outputs).get("WebSocketUrl", ""),
        outputs=outputs,
    )
