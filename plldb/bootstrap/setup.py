"""The stages of a setup, from the state of the stack to the deployment. Talks to AWS."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

import plldb
from plldb.aws.place import Target
from plldb.aws.session import Aws
from plldb.bootstrap.artifacts.bucket import Bucket, open_bucket
from plldb.bootstrap.artifacts.prepare import prepare_bucket
from plldb.bootstrap.artifacts.publish import (
    Artifact,
    Uploader,
    publish_packages,
    publish_template,
    version_prefix,
    wait_until_readable,
)
from plldb.bootstrap.artifacts.sources import list_packages
from plldb.bootstrap.errors import StackFailedError
from plldb.bootstrap.events.setup import (
    ArtifactReady,
    BucketReady,
    Deployment,
    PartsMissing,
    SetupEvent,
    SetupFinished,
    StackPart,
    TemplatePublished,
)
from plldb.bootstrap.options import Deployed, SetupOptions, placeholder_values, remember, render_stack
from plldb.bootstrap.stack.client import Stack
from plldb.bootstrap.stack.decide import DEPLOYED, DIFFERS, MISSING, SETUP, Seen, Step, is_deployed
from plldb.bootstrap.stack.follow import Unknown, look_until_known
from plldb.bootstrap.stack.health import look_at_parts
from plldb.bootstrap.stack.operate import carry_out, clear_the_way, decided
from plldb.bootstrap.stack.parts import depending_on, without
from plldb.bootstrap.stack.statuses import Status
from plldb.bootstrap.stack.submit import NoUpdates, Overtaken, Submitted, submit, submit_text
from plldb.bootstrap.template import read_resources
from plldb.errors import AwsError, Hint
from plldb.streams import Tell, each_once
from plldb.tasks import gather_all

# How often somebody else may change the stack while a setup runs, before plldb gives up.
ROUNDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setup:
    """What all rounds of a setup have in common."""

    bucket: Bucket
    stack: Stack
    text: str
    options: SetupOptions
    tell: Tell[SetupEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """The result of one round; ``seen`` None: look again. ``done``: no other round is needed.

    ``renewed``: what is missing was taken out of the stack, to be made anew.
    """

    seen: Seen | None
    changed: bool
    done: bool
    renewed: bool = False


async def deploy(
    aws: Aws,
    target: Target,
    stack: Stack,
    seen: Seen,
    text: str,
    options: SetupOptions,
    tell: Tell[SetupEvent],
) -> SetupFinished:
    """Deploy the template ``text``, whatever is there.

    Raises:
        StackFailedError: the operation failed, or somebody else changes the stack all the time or has
            deleted it.
    """
    bucket = await open_bucket(aws, target, stack.pace)
    setup = _Setup(bucket=bucket, stack=stack, text=text, options=options, tell=tell)
    deployed, changed, renewed = Deployed(), False, False
    for _ in range(ROUNDS):
        # Before it is cleared away: the tags and the boundary of a creation that failed go with the stack.
        seen, deployed = await _recall(stack, seen, deployed)
        after = await clear_the_way(stack, seen, SETUP, read_resources(text), tell)
        if after is not seen:
            seen, deployed = await _recall(stack, after, deployed)
        ended = await _round(setup, seen, deployed, renewed)
        changed |= ended.changed
        renewed |= ended.renewed
        seen = ended.seen or await stack.look()
        if ended.done:
            return SetupFinished(changed=changed, deployment=_deployment(target, bucket, stack, seen))
    how = "does not come to rest: somebody else keeps changing it."
    raise _disturbed(stack, seen, how, "Find out who does (CloudTrail tells), then set up again.")


async def _recall(stack: Stack, seen: Seen, deployed: Deployed) -> tuple[Seen, Deployed]:
    """Read the options of the last setup from the stack; without a stack, keep what is known."""
    if seen.snapshot is None:
        return seen, deployed
    seen = await stack.with_body(seen)
    return seen, remember(seen.snapshot, seen.body)


async def _round(setup: _Setup, seen: Seen, deployed: Deployed, renewed: bool) -> _Round:
    """Publish what the stack is made of and submit it; another round if something is deleted under it."""
    try:
        return await _publish_and_submit(setup, seen, deployed, renewed)
    except AwsError as error:
        if error.aws_code not in ("NoSuchBucket", "NoSuchVersion"):
            raise
        # What is gone is made again.
        return _Round(seen=None, changed=False, done=False)


async def _publish_and_submit(setup: _Setup, seen: Seen, deployed: Deployed, renewed: bool) -> _Round:
    bucket, stack, tell = setup.bucket, setup.stack, setup.tell
    uploader = Uploader(bucket=bucket, version=plldb.__version__, tell=each_once(tell))
    stored = asyncio.get_running_loop().create_future()
    # Without a stack there is probably no bucket.
    prefix, probably_new = version_prefix(plldb.__version__), seen.snapshot is None
    ready, artifacts, health = await gather_all(
        prepare_bucket(bucket, prefix, tell, stored.set_result, probably_new=probably_new),
        publish_packages(uploader, list_packages(), stored),
        look_at_parts(stack, seen),
    )
    await tell(BucketReady(bucket=bucket.name, created=ready.created, repaired=ready.repaired))
    for artifact in artifacts:
        await tell(_artifact_ready(bucket, artifact))
    changed = bool(ready.repaired) or any(artifact.uploaded for artifact in artifacts)

    # Once is enough: that what was made anew cannot be seen yet is no reason to make it again.
    if health.missing and not renewed:
        return await _take_out(setup, seen, health.missing)
    places = [(each.name, each.key, each.version_id) for each in artifacts]
    body, tags = render_stack(setup.options, deployed, setup.text, placeholder_values(bucket.name, places))
    if seen.snapshot and is_deployed(seen.snapshot, seen.body, body, tags):
        await tell(decided(stack, seen, Step.NOTHING, DEPLOYED))
        return _Round(seen=seen, changed=changed, done=True)
    # Nothing waits for the ids while the template is on its way.
    uploaded = [(each.key, each.version_id) for each in artifacts if each.uploaded and ready.versioned_now]
    published, seen, _ = await gather_all(
        _publish_template(uploader, body),
        stack.with_event_ids(seen),
        wait_until_readable(uploader, uploaded),
    )
    await tell(published)
    await tell(
        decided(stack, seen, Step.UPDATE, DIFFERS) if seen.snapshot else decided(stack, seen, Step.CREATE)
    )
    unknown = Unknown(stack, tell)
    request = partial(submit, stack, seen, template_url(bucket, published), tags, unknown.may_be_new)
    submitted = await request()
    if ready.versioned_now and isinstance(submitted, Overtaken):
        # CloudFormation may not find a version yet that was just made.
        await wait_until_readable(uploader, [(published.key, published.version_id)])
        submitted = await request()
    if not isinstance(submitted, Submitted):
        # Nothing to update is the end of it; if somebody else was first, another round is needed.
        there = isinstance(submitted, Overtaken) and submitted.exists
        after = await look_until_known(stack, unknown) if there else None
        return _Round(seen=after, changed=changed, done=isinstance(submitted, NoUpdates))
    after = await carry_out(stack, seen, submitted, read_resources(setup.text), tell)
    return _Round(seen=after, changed=True, done=True)


async def _take_out(setup: _Setup, seen: Seen, missing: tuple[StackPart, ...]) -> _Round:
    """Take what is missing out of the stack, with all that refers to it; the next round makes it anew.

    CloudFormation compares templates and does not look at resources: an update with the same template would
    bring nothing back, and one that changes what is missing would fail.
    """
    stack, tell, body = setup.stack, setup.tell, seen.body or ""
    gone = depending_on(body, frozenset(part.logical_id for part in missing))
    await tell(PartsMissing(stack_name=stack.name, missing=missing, renewed=tuple(sorted(gone))))
    await tell(decided(stack, seen, Step.UPDATE, MISSING))
    seen = await stack.with_event_ids(seen)
    tags = seen.snapshot.tags if seen.snapshot else ()
    submitted = await submit_text(stack, seen, without(body, gone), tags)
    if not isinstance(submitted, Submitted):
        return _Round(seen=None, changed=False, done=False)
    after = await carry_out(stack, seen, submitted, read_resources(setup.text), tell)
    return _Round(seen=after, changed=True, done=False, renewed=True)


def _disturbed(stack: Stack, seen: Seen, how: str, hint: str) -> StackFailedError:
    return StackFailedError(
        f"The stack {stack.name} {how}",
        stack=stack.name,
        status=seen.status,
        hint=Hint("set-up", hint),
    )


async def _publish_template(uploader: Uploader, body: str) -> TemplatePublished:
    key, version_id = await publish_template(uploader, body)
    return TemplatePublished(
        bucket=uploader.bucket.name, key=key, version_id=version_id, size=len(body.encode())
    )


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


def _deployment(target: Target, bucket: Bucket, stack: Stack, seen: Seen) -> Deployment:
    if seen.snapshot is None or Status(seen.snapshot.status).deleting:
        how = "was there, but somebody has deleted it since."
        raise _disturbed(stack, seen, how, "Make sure that nobody destroys it, then set up again.")
    outputs = dict(seen.snapshot.outputs)
    return Deployment(
        stack_name=stack.name,
        stack_id=seen.snapshot.stack_id,
        account=target.account,
        region=target.region,
        plldb_version=plldb.__version__,
        bucket=bucket.name,
        websocket_url=outputs.get("WebSocketUrl", ""),
        agent_layer_arn=outputs.get("AgentLayerArn", ""),
        outputs=outputs,
    )
