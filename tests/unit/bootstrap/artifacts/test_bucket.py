"""Create the bucket, look whether it is there: what is asked of a scripted S3, and what its answers mean."""

from __future__ import annotations

import pytest

from plldb.bootstrap.artifacts.bucket import bucket_exists, create_bucket, try_to_create_bucket
from plldb.bootstrap.artifacts.emptying import delete_bucket, survey_removal
from plldb.bootstrap.errors import BucketError
from plldb.errors import AccessDeniedError, AwsError
from tests.unit.aws.fakes import ACCOUNT, refused
from tests.unit.bootstrap.artifacts.buckets import bucket

STRANGER = refused("AccessDenied", "Access Denied", 403)
NOT_ALLOWED = refused("AccessDenied", "User x is not authorized to perform: s3:ListBucketVersions on y", 403)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (STRANGER, BucketError),
        (NOT_ALLOWED, AccessDeniedError),
        # Refusals of other kinds say what AWS says, whatever their status.
        (refused("AllAccessDisabled", "All access to this object has been disabled", 403), AwsError),
        (refused("NotSignedUp", "Your account is not signed up", 403), AwsError),
        (refused("TooManyBuckets"), AwsError),
    ],
)
async def test_only_an_owner_that_is_not_the_expected_one_is_a_stranger(
    answer: Exception, error: type[Exception]
) -> None:
    ours, _ = bucket(list_object_versions=[answer], delete_bucket=[answer])
    for request in (bucket_exists(ours), survey_removal(ours), delete_bucket(ours)):
        with pytest.raises(error):
            await request


async def test_a_creation_that_is_denied_is_no_strangers_bucket() -> None:
    ours, _ = bucket(create_bucket=[STRANGER])
    with pytest.raises(AccessDeniedError):
        await create_bucket(ours)


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


async def test_creating_tells_whether_the_bucket_is_new() -> None:
    new, _ = bucket(create_bucket=[{}])
    known, _ = bucket(create_bucket=[refused("BucketAlreadyOwnedByYou", status=409)])
    assert await create_bucket(new) is True
    assert await try_to_create_bucket(known) is False


@pytest.mark.parametrize("refusal", [NOT_ALLOWED, STRANGER, refused("BucketAlreadyExists", status=409)])
async def test_a_creation_that_is_only_tried_may_be_refused(refusal: Exception) -> None:
    ours, _ = bucket(create_bucket=[refusal])
    assert await try_to_create_bucket(ours) is False
