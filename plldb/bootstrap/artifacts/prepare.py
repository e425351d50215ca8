"""Make the artifact bucket ready to be filled: there, ours and safe. Talks to S3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plldb.bootstrap.artifacts.bucket import (
    HOME_REGION,
    Bucket,
    bucket_error,
    create_bucket,
    try_to_create_bucket,
)
from plldb.bootstrap.artifacts.settings import write_settings
from plldb.bootstrap.artifacts.survey import StoredObject, survey_bucket
from plldb.errors import AwsError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyBucket:
    """The bucket as it is now.

    Attributes:
        created: whether it was made just now.
        repaired: names of the settings that were put right.
        objects: what lies in it already, by key.
    """

    created: bool
    repaired: tuple[str, ...]
    objects: Mapping[str, StoredObject]


async def prepare_bucket(bucket: Bucket, prefix: str, *, probably_new: bool) -> ReadyBucket:
    """Create the bucket unless it is there, and put its settings right; look at the objects under ``prefix``.

    With ``probably_new`` it is created without a look before.

    Raises:
        BucketError: it belongs to another account, or S3 does not take a setting.
    """
    # One of ours stays as it is, but in the one region that does not say so.
    created = probably_new and bucket.region != HOME_REGION and await try_to_create_bucket(bucket)
    survey = await survey_bucket(bucket, prefix)
    if not survey.exists:
        # Read anew, before anything is written: what S3 gives to every bucket may not be written in some
        # organisations. If it was not made, a setup beside this one was first.
        created = await create_bucket(bucket) or created
        survey = await survey_bucket(bucket, prefix)
    try:
        await write_settings(bucket, survey.repairs)
    except AwsError as error:
        raise bucket_error(error, bucket) from error
    repaired = tuple(repair.name for repair in survey.repairs)
    return ReadyBucket(created=created, repaired=repaired, objects=survey.objects)
