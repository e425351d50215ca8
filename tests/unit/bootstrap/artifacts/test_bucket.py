"""Look at the bucket, create it, empty it: what is asked of a scripted S3, and what its answers mean."""

from __future__ import annotations

from typing import Any, cast

import pytest

from plldb.bootstrap.artifacts.bucket import (
    NAMED_AT_MOST,
    StoredObject,
    bucket_exists,
    create_bucket,
    delete_bucket,
    empty_bucket,
    survey_bucket,
    survey_removal,
    try_to_create_bucket,
)
from plldb.bootstrap.artifacts.settings import Bucket, all_repairs
from plldb.bootstrap.errors import BucketError
from plldb.errors import AccessDeniedError, AwsError, UnreachableError
from tests.unit.aws.fakes import ACCOUNT, AT_ONCE, Answer, Client, aws, refused

GONE = refused("NoSuchBucket", status=404)
STRANGER = refused("AccessDenied", "Access Denied", 403)
NOT_ALLOWED = refused("AccessDenied", "User x is not authorized to perform: s3:ListBucketVersions on y", 403)


def bucket(region: str = "eu-west-1", /, **answers: list[Answer]) -> tuple[Bucket, Client]:
    client = Client("s3", answers)
    return Bucket(
        aws=aws(), s3=cast("Any", client), name="b", region=region, partition="aws", owner=ACCOUNT
    ), client


def page(*keys: str, more: bool = False, markers: tuple[str, ...] = ()) -> dict[str, Any]:
    found = {"Versions": [_version(key) for key in keys], "DeleteMarkers": [_version(key) for key in markers]}
    return {**found, "IsTruncated": more, "NextKeyMarker": "k", "NextVersionIdMarker": "v"}


def _version(key: str) -> dict[str, Any]:
    return {"Key": key, "VersionId": "v1", "ETag": f'"{key}"', "IsLatest": not key.endswith("old")}


ALWAYS_GONE: list[Answer] = [GONE]
# What S3 answers about a setting that was never made.
NEVER_MADE: dict[str, list[Answer]] = {
    "get_public_access_block": [refused("NoSuchPublicAccessBlockConfiguration")],
    "get_bucket_versioning": [{}],
    "get_bucket_encryption": [refused("ServerSideEncryptionConfigurationNotFoundError")],
    "get_bucket_ownership_controls": [refused("OwnershipControlsNotFoundError")],
    "get_bucket_policy": [refused("NoSuchBucketPolicy")],
    "get_bucket_lifecycle_configuration": [refused("NoSuchLifecycleConfiguration")],
}


async def test_a_bucket_that_is_not_there_needs_everything() -> None:
    ours, _ = bucket(list_object_versions=[GONE], **dict.fromkeys(NEVER_MADE, ALWAYS_GONE))
    survey = await survey_bucket(ours, "plldb/")
    assert (survey.exists, survey.objects) == (False, {})
    assert [repair.name for repair in survey.repairs] == [repair.name for repair in all_repairs(ours)]


@pytest.mark.parametrize(("answer", "error"), [(STRANGER, BucketError), (NOT_ALLOWED, AccessDeniedError)])
async def test_a_stranger_and_a_missing_permission_are_told_apart(
    answer: Exception, error: type[Exception]
) -> None:
    ours, _ = bucket(list_object_versions=[answer], delete_bucket=[answer], create_bucket=[answer])
    for request in (bucket_exists(ours), survey_removal(ours), delete_bucket(ours), create_bucket(ours)):
        with pytest.raises(error):
            await request


async def test_current_objects_are_read_through_all_pages() -> None:
    pages: list[Answer] = [page("a", "a.old", more=True), page("b", markers=("c",))]
    ours, client = bucket(list_object_versions=pages, **NEVER_MADE)
    survey = await survey_bucket(ours, "plldb/")
    assert survey.objects == {key: StoredObject(etag=key, version_id="v1", md5=key) for key in ("a", "b")}
    second = [asked for name, asked in client.asked if name == "list_object_versions"][1]
    assert (second["KeyMarker"], second["VersionIdMarker"]) == ("k", "v")


@pytest.mark.parametrize(
    ("region", "where"), [("us-east-1", None), ("eu-west-1", {"LocationConstraint": "eu-west-1"})]
)
async def test_a_new_bucket_is_placed_in_its_region(region: str, where: dict[str, str] | None) -> None:
    ours, client = bucket(region, create_bucket=[{}])
    await create_bucket(ours)
    assert client.asked[0][1].get("CreateBucketConfiguration") == where


async def test_a_bucket_that_is_ours_already_is_fine_and_one_of_somebody_else_is_not() -> None:
    ours, _ = bucket(create_bucket=[refused("BucketAlreadyOwnedByYou", status=409)])
    await create_bucket(ours)
    taken, _ = bucket(create_bucket=[refused("BucketAlreadyExists", status=409)])
    with pytest.raises(BucketError, match="belongs to another account") as raised:
        await create_bucket(taken)
    assert ACCOUNT in str(raised.value.hint)


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


async def test_creating_tells_whether_the_bucket_is_new() -> None:
    new, _ = bucket(create_bucket=[{}])
    known, _ = bucket(create_bucket=[refused("BucketAlreadyOwnedByYou", status=409)])
    assert await create_bucket(new) is True
    assert await try_to_create_bucket(known) is False


@pytest.mark.parametrize("refusal", [NOT_ALLOWED, STRANGER, refused("BucketAlreadyExists", status=409)])
async def test_a_creation_that_is_only_tried_may_be_refused(refusal: Exception) -> None:
    ours, _ = bucket(create_bucket=[refusal])
    assert await try_to_create_bucket(ours) is False
