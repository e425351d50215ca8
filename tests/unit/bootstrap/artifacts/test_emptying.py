"""Empty the bucket and delete it: what is asked of a scripted S3, and what its answers mean."""

from __future__ import annotations

import pytest

from plldb.bootstrap.artifacts.bucket import NAMED_AT_MOST, Bucket, bucket_exists
from plldb.bootstrap.artifacts.emptying import delete_bucket, empty_bucket, survey_removal
from plldb.bootstrap.errors import BucketError
from plldb.errors import AwsError, UnreachableError
from tests.unit.aws.fakes import AT_ONCE, Answer, refused
from tests.unit.bootstrap.artifacts.buckets import GONE, bucket, listener, page


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


TOP: Answer = {"CommonPrefixes": [{"Prefix": "plldb/"}]}


async def empty(ours: Bucket) -> list[int]:
    """Look and empty; return what was told."""
    survey = await survey_removal(ours)
    assert survey is not None
    told, tell = listener()
    gone = await empty_bucket(ours, survey, tell)
    assert gone == (told[-1].versions if told else 0)
    return [event.versions for event in told]


async def test_a_bucket_is_emptied_page_by_page_with_unfinished_uploads() -> None:
    first = page("plldb/a", "plldb/b", more=True)
    uploads: list[Answer] = [
        {"Uploads": [{"Key": "plldb/%10+u", "UploadId": "1"}], "IsTruncated": True, "EncodingType": "url"},
        {"Uploads": [{"Key": "plldb/%10", "UploadId": "2"}], "IsTruncated": True},
        {"Uploads": []},
    ]
    ours, client = bucket(
        list_object_versions=[first, TOP, page(markers=("plldb/c",)), page()],
        delete_objects=[{}],
        list_multipart_uploads=uploads,
        abort_multipart_upload=[{}, refused("NoSuchUpload", status=404)],
    )
    assert await empty(ours) == [2, 3]
    deleted = [asked["Delete"]["Objects"] for name, asked in client.asked if name == "delete_objects"]
    assert [[each["Key"] for each in objects] for objects in deleted] == [
        ["plldb/a", "plldb/b"],
        ["plldb/c"],
    ]
    aborted = [asked["Key"] for name, asked in client.asked if name == "abort_multipart_upload"]
    assert aborted == ["plldb/\x10 u", "plldb/%10"]
    markers = [asked.get("KeyMarker") for name, asked in client.asked if name == "list_multipart_uploads"]
    assert markers == [None, "plldb/\x10 u", "plldb/%10"]


async def test_a_key_that_xml_cannot_carry_is_deleted_alone() -> None:
    keys = ("plldb/a", "plldb/\x10", "plldb/\ufffe", "plldb/\n\t é🙂")
    ours, client = bucket(
        list_object_versions=[page(*keys), TOP],
        delete_objects=[{}],
        delete_object=[{}],
        list_multipart_uploads=[{}],
    )
    assert await empty(ours) == [4]
    together = next(asked for name, asked in client.asked if name == "delete_objects")["Delete"]["Objects"]
    assert [each["Key"] for each in together] == ["plldb/a", "plldb/\n\t é🙂"]
    alone = [(asked["Key"], asked["VersionId"]) for name, asked in client.asked if name == "delete_object"]
    assert alone == [("plldb/\x10", "v1"), ("plldb/\ufffe", "v1")]


@pytest.mark.parametrize(
    ("errors", "error", "message"),
    [
        (
            [{"Key": "plldb/a", "Code": "AccessDenied", "Message": "locked"}],
            BucketError,
            "'plldb/a': locked",
        ),
        ([{"Key": "plldb/a", "Code": "InternalError"}], UnreachableError, "'plldb/a': InternalError"),
    ],
)
async def test_what_cannot_be_deleted_is_named(
    errors: list[dict[str, str]], error: type[Exception], message: str
) -> None:
    ours, client = bucket(
        list_object_versions=[page("plldb/a"), TOP],
        delete_objects=[{"Errors": errors}],
        list_multipart_uploads=[{}],
    )
    with pytest.raises(error, match=message):
        await empty(ours)
    assert client.times("delete_objects") == (AT_ONCE.attempts if error is UnreachableError else 1)


@pytest.mark.parametrize("code", ["InternalError", "SlowDown"])
async def test_what_s3_fails_to_delete_for_the_moment_is_deleted_again(code: str) -> None:
    errors = [{"Key": "plldb/b", "VersionId": "v1", "Code": code, "Message": "try again"}]
    ours, client = bucket(
        list_object_versions=[page("plldb/a", "plldb/b"), TOP],
        delete_objects=[{"Errors": errors}, {"Errors": errors}, {}],
        list_multipart_uploads=[{}],
    )
    assert await empty(ours) == [2]
    assert client.times("delete_objects") == 3


async def test_a_bucket_that_goes_away_while_it_is_emptied_is_empty() -> None:
    ours, _ = bucket(
        list_object_versions=[page("plldb/a"), TOP], delete_objects=[GONE], list_multipart_uploads=[GONE]
    )
    assert await empty(ours) == []


@pytest.mark.parametrize(("answer", "gone"), [({}, True), (refused("BucketNotEmpty", status=409), False)])
async def test_deleting_tells_whether_the_bucket_is_gone(answer: Answer, gone: bool) -> None:
    ours, _ = bucket(delete_bucket=[answer])
    assert await delete_bucket(ours) is gone


async def test_another_refusal_keeps_its_own_error() -> None:
    ours, _ = bucket(delete_bucket=[refused("MethodNotAllowed")])
    with pytest.raises(AwsError, match="MethodNotAllowed"):
        await delete_bucket(ours)
