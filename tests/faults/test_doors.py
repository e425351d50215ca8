"""Whose bucket it is is asked with every request, and CloudFormation reads what this run uploaded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from plldb import bootstrap
from plldb.bootstrap.errors import BucketError
from tests.faults.baseline import COLD, DESTROY, UPDATE, Baseline, Scenario
from tests.faults.cli import judge_output, run_plldb
from tests.faults.library import CALM, run, session_of, succeed
from tests.faults.state import bucket_of
from tests.support.answers import error, owner_guard
from tests.support.behaviours import Answer, Callback, on
from tests.support.environment import REGION, invent_account
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path


STRANGER = "999999999999"
READS = (
    "ListObjectVersions",
    "GetBucketVersioning",
    "GetBucketEncryption",
    "GetBucketLifecycleConfiguration",
    "GetBucketPolicy",
    "GetPublicAccessBlock",
    "GetBucketOwnershipControls",
)


async def test_every_request_to_s3_but_create_bucket_says_whose_bucket_it_must_be(
    ministack: str, proxy: Proxy, baseline: Baseline
) -> None:
    hands = await COLD.prepare(ministack, [])
    place = bootstrap.Place(session=session_of(hands.account), region=REGION, endpoint_url=proxy.url)
    await succeed("setup", hands.account, proxy.url, dry_run=True)
    await succeed("setup", hands.account, proxy.url)
    await bootstrap.status(place, pace=CALM)
    assert [event async for event in bootstrap.doctor(place, pace=CALM)]
    for scenario in (UPDATE, DESTROY):
        await scenario.prepare(ministack, [hands.account])
        await succeed(scenario.command, hands.account, proxy.url, **scenario.options)
    s3 = [record for record in proxy.records if record.service == "s3"]
    assert {record.operation for record in s3} >= {"PutObject", "DeleteObjects", "AbortMultipartUpload"}
    bare = {record.operation for record in s3 if record.expected_owner != hands.account}
    assert bare == {"CreateBucket"}


@pytest.mark.parametrize("found", ["from the beginning", "when it is to be created"])
async def test_not_one_byte_of_code_goes_to_a_bucket_of_somebody_else(
    ministack: str, proxy: Proxy, tmp_path: Path, found: str
) -> None:
    account = invent_account()
    guard = owner_guard({bucket_of(account): STRANGER})
    not_there = Answer(lambda call: error(call, 404, "NoSuchBucket", "The specified bucket does not exist"))
    hidden = [on(not_there, *READS)] if found == "when it is to be created" else []
    proxy.use(*hidden, on(Answer(guard)))
    ran = await run_plldb(proxy.url, account, "setup", cwd=tmp_path)
    assert ran.code == 1, str(ran)
    assert not judge_output(ran)
    assert "belongs to another account" in ran.stderr
    assert bucket_of(account) in ran.stderr
    assert "PutObject" not in {record.operation for record in proxy.records}
    assert "CreateStack" not in {record.operation for record in proxy.records}


async def test_destroy_deletes_nothing_in_a_bucket_of_somebody_else(ministack: str, proxy: Proxy) -> None:
    account = invent_account()
    proxy.use(on(Answer(owner_guard({bucket_of(account): STRANGER}))))
    ran = await run("destroy", account, proxy.url)
    assert isinstance(ran.error, BucketError)
    assert "belongs to another account" in ran.error.message
    assert not {record.operation for record in proxy.records} & {"DeleteObjects", "DeleteBucket"}


@pytest.mark.parametrize("scenario", [COLD, UPDATE], ids=lambda scenario: scenario.name)
async def test_cloudformation_is_told_to_read_the_versions_that_this_run_uploaded(
    ministack: str, proxy: Proxy, baseline: Baseline, scenario: Scenario
) -> None:
    hands = await scenario.prepare(ministack, baseline.accounts)
    seen: list[str] = []
    note = Callback(lambda call: seen.append(call.parameters["TemplateURL"]))
    proxy.use(on(note, "CreateStack", "UpdateStack"))
    ran = await succeed(scenario.command, hands.account, proxy.url, **scenario.options)
    (published,) = (event for event in ran.events if isinstance(event, bootstrap.TemplatePublished))
    (url,) = (urlsplit(text) for text in seen)
    assert url.path.endswith(f"/{published.bucket}/{published.key}")
    # MiniStack leaves the version out of account, so that only the question can be looked at.
    assert parse_qs(url.query) == {"versionId": [published.version_id]}
    body = await hands.query("cloudformation", "GetTemplate", StackName="plldb")
    pinned = set(re.findall(r"S3ObjectVersion: *&?[#a-z0-9;]*?([0-9a-f-]{36})", body))
    uploaded = {event.version_id for event in ran.events if isinstance(event, bootstrap.ArtifactReady)}
    assert pinned == uploaded
