"""The stages of a setup, from the state of the stack to the deployment. Talks to AWS through its rooms."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import plldb
from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.bootstrap.artifacts.bucket import (
    HOME_REGION,
    BucketSurvey,
    StoredObject,
    create_bucket,
    make_safe,
    open_bucket,
    survey_bucket,
    survey_of_new,
    try_to_create_bucket,
)
from plldb.bootstrap.artifacts.publish import Artifact, publish_packages, publish_template, version_prefix
from plldb.bootstrap.artifacts.settings import Bucket
from plldb.bootstrap.artifacts.sources import list_packages
from plldb.bootstrap.errors import StackFailedError
from plldb.bootstrap.events import (
    ArtifactReady,
    BucketReady,
    Deployment,
    SetupEvent,
    SetupFinished,
    TemplatePublished,
)
from plldb.bootstrap.options import Deployed, SetupOptions, placeholder_values, remember, render_stack
from plldb.bootstrap.stack.client import NoUpdates, Stack, Submitted
from plldb.bootstrap.stack.decide import DEPLOYED, DIFFERS, SETUP, Step, is_deployed
from plldb.bootstrap.stack.operate import carry_out, decided, settle
from plldb.bootstrap.stack.statuses import Status
from plldb.bootstrap.template import TemplateResource, read_resources
from plldb.errors import AwsError, Hint
from plldb.tasks import gather_all

# How often the stack may be changed by somebody else under our hands before plldb gives up.
ROUNDS = 10


@dataclass(slots=True, kw_only=True)
class _Setup:
    """A setup on its way: what its rounds hand on. ``done`` says that no other round is needed."""

    bucket: Bucket
    stack: Stack
    text: str
    options: SetupOptions
    memory: Deployed = field(default_factory=Deployed)
    changed: bool = False
    done: bool = False

    async def recall(self) -> None:
        """Take note of tags and boundary: a stack whose creation failed is removed, and they go with it."""
        if self.stack.snapshot:
            self.memory = remember(self.stack.snapshot, await self.stack.read_body())

    async def render(self, artifacts: Iterable[Artifact]) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Return the template for CloudFormation and the tags of the stack."""
        await self.recall()
        places = [(each.name, each.key, each.version_id) for each in artifacts]
        return render_stack(
            self.options, self.memory, self.text, placeholder_values(self.bucket.name, places)
        )


async def deploy(
    aws: Aws, target: Target, stack: Stack, text: str, options: SetupOptions
) -> AsyncGenerator[SetupEvent, None]:
    """Deploy the template ``text``, whatever is there; the last event is `SetupFinished`.

    Raises:
        StackFailedError: the operation failed, or somebody else changes the stack all the time or has
            deleted it.
    """
    setup = _Setup(bucket=await open_bucket(aws, target, stack.pace), stack=stack, text=text, options=options)
    rounds = 0
    while not setup.done:
        rounds += 1
        if rounds > ROUNDS:
            how = "does not come to rest: somebody else changes it again and again."
            raise _disturbed(stack, how, "Find out who does (CloudTrail tells), then set up again.")
        try:
            async with aclosing(_round(setup)) as events:
                async for event in events:
                    yield event
        except AwsError as error:
            if error.aws_code != "NoSuchBucket":  # deleted under our hands; it is made again
                raise
    if stack.snapshot is None or Status(stack.snapshot.status).deleting:
        how = "was there, but somebody has deleted it since."
        raise _disturbed(stack, how, "Make sure that nobody destroys it, then set up again.")
    yield SetupFinished(changed=setup.changed, deployment=_deployment(target, setup.bucket, stack))


async def _round(setup: _Setup) -> AsyncGenerator[SetupEvent, None]:
    """Clear the way, publish what the stack is made of, and submit it if it differs."""
    bucket, stack, resources = setup.bucket, setup.stack, read_resources(setup.text)
    await setup.recall()
    async with aclosing(settle(stack, SETUP, resources)) as clearing:
        async for step in clearing:
            yield step

    ready, stored = await _make_ready(bucket, stack)
    yield ready
    artifacts = await publish_packages(bucket, plldb.__version__, list_packages(), stored)
    for artifact in artifacts:
        yield _artifact_ready(bucket, artifact)
    setup.changed |= bool(ready.repaired) or any(artifact.uploaded for artifact in artifacts)

    body, tags = await setup.render(artifacts)
    if stack.snapshot and is_deployed(stack.snapshot, await stack.read_body(), body, tags):
        yield decided(stack, Step.NOTHING, DEPLOYED)
        setup.done = True
        return
    # Nothing waits for the marker while the template is on its way.
    published, _ = await gather_all(_publish_template(bucket, body), stack.read_marker())
    yield published
    yield decided(stack, Step.UPDATE, DIFFERS) if stack.snapshot else decided(stack, Step.CREATE)
    async with aclosing(_submit(setup, template_url(bucket, published), tags, resources)) as operation:
        async for event in operation:
            yield event


async def _submit(
    setup: _Setup, url: str, tags: tuple[tuple[str, str], ...], resources: Sequence[TemplateResource]
) -> AsyncGenerator[SetupEvent, None]:
    """Create or update the stack and follow that; if somebody else was first, another round is needed."""
    stack = setup.stack
    marker = await stack.take_marker()
    submitted = await stack.submit(url, tags)
    if not isinstance(submitted, Submitted):
        await stack.refresh()
        setup.done = isinstance(submitted, NoUpdates)
        return
    setup.changed = setup.done = True
    async with aclosing(carry_out(stack, submitted, marker, resources)) as events:
        async for event in events:
            yield event
    if stack.stale:
        await stack.refresh()  # the deployment has outputs to tell; what is in the way is an error


def _disturbed(stack: Stack, how: str, hint: str) -> StackFailedError:
    return StackFailedError(
        f"The stack {stack.name} {how}",
        stack=stack.name,
        status=stack.snapshot.status if stack.snapshot else None,
        hint=Hint("set-up", hint),
    )


async def _make_ready(bucket: Bucket, stack: Stack) -> tuple[BucketReady, dict[str, StoredObject]]:
    survey = await _survey_or_create(bucket, stack)
    await make_safe(bucket, survey.repairs)
    repaired = tuple(repair.name for repair in survey.repairs)
    return BucketReady(bucket=bucket.name, created=not survey.exists, repaired=repaired), survey.objects


async def _survey_or_create(bucket: Bucket, stack: Stack) -> BucketSurvey:
    # Without a stack there is hardly a bucket. Then it is made without a look; one of ours stays as it is.
    if stack.snapshot is None and bucket.region != HOME_REGION and await try_to_create_bucket(bucket):
        return survey_of_new(bucket)
    survey = await survey_bucket(bucket, version_prefix(plldb.__version__))
    if not survey.exists and not await create_bucket(bucket):
        return replace(survey, exists=True)  # a setup beside this one was first
    return survey


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
        function_name=artifact.name,
        bucket=bucket.name,
        key=artifact.key,
        version_id=artifact.version_id,
        size=artifact.size,
        uploaded=artifact.uploaded,
    )


def _deployment(target: Target, bucket: Bucket, stack: Stack) -> Deployment:
    outputs = dict(stack.snapshot.outputs) if stack.snapshot else {}
    return Deployment(
        stack_name=stack.name,
        stack_id=stack.snapshot.stack_id if stack.snapshot else "",
        account=target.account,
        region=target.region,
        plldb_version=plldb.__version__,
        bucket=bucket.name,
        websocket_url=outputs.get("WebSocketUrl", ""),
        agent_layer_arn=outputs.get("AgentLayerArn", ""),
        outputs=outputs,
    )
