"""Create the bucket, look whether it is there: what is asked of a scripted S3, and what its answers mean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from plldb.bootstrap.artifacts.bucket import bucket_exists, create_bucket, try_to_create_bucket
from plldb.bootstrap.artifacts.emptying import delete_bucket, survey_removal
from plldb.bootstrap.artifacts.survey import survey_bucket
from plldb.bootstrap.errors import BucketError
from plldb.bootstrap.events.setup import BucketDelayed
from plldb.errors import AccessDeniedError, AwsError
from tests.unit.aws.fakes import ACCOUNT, AT_ONCE, Answer, refused
from tests.unit.bootstrap.artifacts.buckets import NEVER_MADE, bucket, listener, page

_, tell = listener()
STRANGER = refused("AccessDenied", "Access Denied", 403)
FORBIDDEN = refused("403", "Forbidden", 403)
NOT_ALLOWED = refused("AccessDenied", "User x is not authorized to perform: s3:ListBucketVersions on y", 403)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (STRANGER, BucketError),
        (NOT_ALLOWED, AccessDeniedError),
        (
            refused("AccessDenied", "Access Denied because object protected by object lock.", 403),
            AccessDeniedError,
        ),
        # Refusals of other kinds say what AWS says, whatever their status.
        (refused("AllAccessDisabled", "All access to this object has been disabled", 403), AwsError),
        (refused("NotSignedUp", "Your account is not signed up", 403), AwsError),
        (refused("TooManyBuckets"), AwsError),
    ],
)
async def test_only_an_owner_that_is_not_the_expected_one_is_a_stranger(
    answer: Exception, error: type[Exception]
) -> None:
    ours, _ = bucket(list_object_versions=[answer], delete_bucket=[answer], head_bucket=[FORBIDDEN])
    for request in (bucket_exists(ours), survey_removal(ours), delete_bucket(ours)):
        with pytest.raises(error):
            await request


async def test_a_bare_denial_in_a_bucket_that_s3_calls_ours_is_a_right_that_is_missing() -> None:
    ours, _ = bucket(list_object_versions=[STRANGER], delete_bucket=[STRANGER])
    for request in (bucket_exists(ours), survey_removal(ours), delete_bucket(ours)):
        with pytest.raises(AccessDeniedError, match="Access Denied"):
            await request


async def test_a_creation_that_is_denied_is_no_strangers_bucket_and_may_be_the_organisations_doing() -> None:
    ours, _ = bucket(create_bucket=[STRANGER])
    with pytest.raises(AccessDeniedError) as raised:
        await create_bucket(ours, tell)
    assert "s3:x-amz-bucket-namespace" in str(raised.value.hint)


ABORTED = refused("OperationAborted", "A conflicting conditional operation is in progress", 409)


@pytest.mark.parametrize(("after", "times"), [(0.0, 1), (60.0, 0)])
async def test_a_name_that_s3_has_not_released_is_waited_for_and_told(after: float, times: int) -> None:
    pace = replace(AT_ONCE, notice_after=after)
    ours, client = bucket("eu-west-1", pace, create_bucket=[ABORTED, ABORTED, ABORTED, {}])
    told, tell = listener()
    assert await create_bucket(ours, tell)
    assert client.times("create_bucket") == 4
    assert told == [BucketDelayed(bucket="b", reason="name_in_use", seconds=pace.throttled_for)] * times


@pytest.mark.parametrize("create", [create_bucket, try_to_create_bucket])
async def test_a_name_that_s3_never_releases_is_an_error(create: Callable[..., Awaitable[bool]]) -> None:
    ours, _ = bucket("eu-west-1", replace(AT_ONCE, throttled_for=0), create_bucket=[ABORTED])
    with pytest.raises(BucketError, match="has not released the name b yet"):
        await create(ours, tell)


@pytest.mark.parametrize(
    "said", [{"BucketRegion": "us-west-2"}, refused("403", "Forbidden", 403, x_amz_bucket_region="us-west-2")]
)
async def test_a_bucket_in_another_region_is_not_touched_and_both_regions_are_named(said: Answer) -> None:
    answers: dict[str, list[Answer]] = NEVER_MADE | {"list_object_versions": [page()]}
    ours, client = bucket(**answers | {"head_bucket": [said]})
    for request in (bucket_exists(ours), survey_removal(ours), survey_bucket(ours, "plldb/")):
        with pytest.raises(BucketError, match="is in us-west-2, and plldb needs it in eu-west-1"):
            await request
    assert not [asked for asked, _ in client.asked if not asked.startswith(("get", "list", "head"))]


@pytest.mark.parametrize("answer", [{}, FORBIDDEN, refused("404", status=404)])
async def test_where_s3_does_not_say_the_region_the_rest_decides(answer: Answer) -> None:
    ours, _ = bucket(list_object_versions=[page()], head_bucket=[answer])
    assert await bucket_exists(ours)


@pytest.mark.parametrize(
    ("region", "where"), [("us-east-1", None), ("eu-west-1", {"LocationConstraint": "eu-west-1"})]
)
async def test_a_new_bucket_is_placed_in_its_region(region: str, where: dict[str, str] | None) -> None:
    ours, client = bucket(region, create_bucket=[{}])
    await create_bucket(ours, tell)
    assert client.asked[0][1].get("CreateBucketConfiguration") == where


async def test_a_bucket_that_is_ours_already_is_fine_and_one_of_somebody_else_is_not() -> None:
    ours, _ = bucket(create_bucket=[refused("BucketAlreadyOwnedByYou", status=409)])
    await create_bucket(ours, tell)
    taken, _ = bucket(create_bucket=[refused("BucketAlreadyExists", status=409)])
    with pytest.raises(BucketError, match="belongs to another account") as raised:
        await create_bucket(taken, tell)
    assert ACCOUNT in str(raised.value.hint)


async def test_creating_tells_whether_the_bucket_is_new() -> None:
    new, _ = bucket(create_bucket=[{}])
    known, _ = bucket(create_bucket=[refused("BucketAlreadyOwnedByYou", status=409)])
    assert await create_bucket(new, tell) is True
    assert await try_to_create_bucket(known, tell) is False


@pytest.mark.parametrize("refusal", [NOT_ALLOWED, STRANGER, refused("BucketAlreadyExists", status=409)])
async def test_a_creation_that_is_only_tried_may_be_refused(refusal: Exception) -> None:
    ours, _ = bucket(create_bucket=[refusal])
    assert await try_to_create_bucket(ours, tell) is False
