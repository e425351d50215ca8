"""Empty the bucket and delete it: what is asked of a scripted S3, and what its answers mean."""

from __future__ import annotations

import pytest

from plldb.bootstrap.artifacts.bucket import NAMED_AT_MOST, bucket_exists
from plldb.bootstrap.artifacts.emptying import delete_bucket, empty_bucket, survey_removal
from plldb.bootstrap.errors import BucketError
from plldb.errors import AwsError, UnreachableError
from tests.unit.aws.fakes import AT_ONCE, Answer, refused
from tests.unit.bootstrap.artifacts.buckets import GONE, bucket, page


async def test_what_is_foreign_is_named_up_to_a_bound_and_ours_is_counted() -> None:
    names = [f"file{n:02}" for n in range(30)]
    top = {"CommonPrefixes": [{"Prefix": "plldb/"}, {"Prefix": "a/"}], **page(*names, markers=("gone",))}
    ours, _ = bucket(list_object_versions=[page("plldb/x", markers=("plldb/y",), more=True), top])
    survey = await survey_removal(ours)
    assert survey is not None
    assert (survey.versions, survey.more) == (2, True)
    assert survey.foreign == ("a/", *names)[:NAMED_AT_MOST]


async def test_without_a_bucket_there_is_nothing_to_remove() -> None:
    ours, _ = bucket(list_object_versions=[GONE], delete_bucket=[GONE])
    assert await survey_removal(ours) is None
    assert not await bucket_exists(ours)
    assert await delete_bucket(ours)


async def test_a_bucket_is_emptied_page_by_page_with_unfinished_uploads() -> None:
    pages: list[Answer] = [page("plldb/a", "plldb/b", more=True), page(markers=("plldb/c",)), page()]
    uploads: list[Answer] = [
        {"Uploads": [{"Key": "plldb/u", "UploadId": "1"}], "IsTruncated": True},
        {"Uploads": []},
    ]
    ours, client = bucket(
        list_object_versions=pages,
        delete_objects=[{}],
        list_multipart_uploads=uploads,
        abort_multipart_upload=[{}],
    )
    assert [count async for count in empty_bucket(ours)] == [2, 1]
    deleted = [asked["Delete"]["Objects"] for name, asked in client.asked if name == "delete_objects"]
    assert [[each["Key"] for each in objects] for objects in deleted] == [
        ["plldb/a", "plldb/b"],
        ["plldb/c"],
    ]
    assert client.times("abort_multipart_upload") == 1
    assert {asked.get("Prefix", "plldb/") for _, asked in client.asked} == {"plldb/"}


async def test_what_cannot_be_deleted_is_named() -> None:
    errors = [{"Key": "plldb/a", "Code": "AccessDenied", "Message": "locked"}]
    ours, _ = bucket(
        list_object_versions=[page("plldb/a")],
        delete_objects=[{"Errors": errors}],
        list_multipart_uploads=[{}],
    )
    with pytest.raises(BucketError, match="'plldb/a': locked"):
        _ = [count async for count in empty_bucket(ours)]


@pytest.mark.parametrize("code", ["InternalError", "SlowDown"])
async def test_what_s3_fails_to_delete_for_the_moment_is_deleted_again(code: str) -> None:
    errors = [{"Key": "plldb/b", "VersionId": "v1", "Code": code, "Message": "try again"}]
    ours, client = bucket(
        list_object_versions=[page("plldb/a", "plldb/b"), page()],
        delete_objects=[{"Errors": errors}, {"Errors": errors}, {}],
        list_multipart_uploads=[{}],
    )
    assert [count async for count in empty_bucket(ours)] == [2]
    assert client.times("delete_objects") == 3


async def test_what_s3_fails_to_delete_for_good_is_unreachable_not_ours_to_mend() -> None:
    errors = [{"Key": "plldb/a", "VersionId": "v1", "Code": "InternalError"}]
    ours, client = bucket(
        list_object_versions=[page("plldb/a")],
        delete_objects=[{"Errors": errors}],
        list_multipart_uploads=[{}],
    )
    with pytest.raises(UnreachableError, match="'plldb/a': InternalError"):
        _ = [count async for count in empty_bucket(ours)]
    assert client.times("delete_objects") == AT_ONCE.attempts


async def test_a_bucket_that_goes_away_while_it_is_emptied_is_empty() -> None:
    ours, _ = bucket(list_object_versions=[GONE], list_multipart_uploads=[GONE])
    assert [count async for count in empty_bucket(ours)] == []


@pytest.mark.parametrize(("answer", "gone"), [({}, True), (refused("BucketNotEmpty", status=409), False)])
async def test_deleting_tells_whether_the_bucket_is_gone(answer: Answer, gone: bool) -> None:
    ours, _ = bucket(delete_bucket=[answer])
    assert await delete_bucket(ours) is gone


async def test_another_refusal_keeps_its_own_error() -> None:
    ours, _ = bucket(delete_bucket=[refused("MethodNotAllowed")])
    with pytest.raises(AwsError, match="MethodNotAllowed"):
        await delete_bucket(ours)
