"""Look at the bucket: what is asked of a scripted S3, and what its answers mean."""

from __future__ import annotations

from plldb.bootstrap.artifacts.settings import ALL_REPAIRS
from plldb.bootstrap.artifacts.survey import StoredObject, survey_bucket
from tests.unit.aws.fakes import Answer
from tests.unit.bootstrap.artifacts.buckets import GONE, NEVER_MADE, bucket, page

ALWAYS_GONE: list[Answer] = [GONE]


async def test_a_bucket_that_is_not_there_needs_everything() -> None:
    ours, _ = bucket(list_object_versions=[GONE], **dict.fromkeys(NEVER_MADE, ALWAYS_GONE))
    survey = await survey_bucket(ours, "plldb/")
    assert (survey.exists, survey.objects, survey.repairs) == (False, {}, ALL_REPAIRS)


async def test_current_objects_are_read_through_all_pages() -> None:
    pages: list[Answer] = [page("a", "a.old", more=True), page("b", markers=("c",))]
    ours, client = bucket(list_object_versions=pages, **NEVER_MADE)
    survey = await survey_bucket(ours, "plldb/")
    assert survey.objects == {key: StoredObject(etag=key, version_id="v1", md5=key) for key in ("a", "b")}
    second = [asked for name, asked in client.asked if name == "list_object_versions"][1]
    assert (second["KeyMarker"], second["VersionIdMarker"]) == ("k", "v")


async def test_with_keys_of_kms_an_etag_says_nothing_of_the_bytes() -> None:
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    kms: list[Answer] = [{"ServerSideEncryptionConfiguration": {"Rules": [default]}}]
    scripts: dict[str, list[Answer]] = {"list_object_versions": [page("a")], "get_bucket_encryption": kms}
    ours, _ = bucket(**NEVER_MADE | scripts)
    survey = await survey_bucket(ours, "plldb/")
    assert survey.objects == {"a": StoredObject(etag="a", version_id="v1", md5=None)}


async def test_what_s3_may_leave_out_of_its_answers_is_not_needed() -> None:
    pages: list[Answer] = [{"Versions": [{"Key": "a", "IsLatest": True}, {"Key": "b"}], "IsTruncated": True}]
    ours, _ = bucket(list_object_versions=pages, **NEVER_MADE)
    survey = await survey_bucket(ours, "plldb/")
    assert survey.objects == {"a": StoredObject(etag="", version_id="null", md5=None)}
