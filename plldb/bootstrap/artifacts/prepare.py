"""Make the artifact bucket ready: there, ours, with versions, and safe. Talks to S3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from plldb.bootstrap.artifacts.bucket import (
    HOME_REGION,
    Bucket,
    bucket_error,
    create_bucket,
    try_to_create_bucket,
)
from plldb.bootstrap.artifacts.settings import VERSIONING, Repair, write_settings
from plldb.bootstrap.artifacts.survey import NO_BUCKET, StoredObject, survey_bucket
from plldb.bootstrap.events.setup import BucketDelayed
from plldb.errors import AwsError
from plldb.streams import Tell
from plldb.tasks import gather_all

TURN_ON = Repair(setting=VERSIONING, found={})


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedBucket:
    """The bucket as it is now.

    Attributes:
        created: whether it was made just now.
        versioned_now: whether versioning was turned on just now. S3 may then keep no version of an object for
            a while, or not find one that it has just kept ("Enabling versioning on buckets", S3 user guide).
        repaired: names of all the settings that were not right.
    """

    created: bool
    versioned_now: bool
    repaired: tuple[str, ...]


async def prepare_bucket(
    bucket: Bucket,
    prefix: str,
    tell: Tell[BucketDelayed],
    may_upload: Callable[[Mapping[str, StoredObject]], None],
    *,
    probably_new: bool,
) -> PreparedBucket:
    """Create the bucket unless it is there, turn its versioning on, and put all else right.

    With ``probably_new`` it is created without a look before. ``may_upload`` is told as soon as it keeps
    versions, with what lies in it under ``prefix``, by key.

    Raises:
        BucketError: it belongs to another account, is in another region, or S3 does not take a setting.
    """
    # One of ours stays as it is, but in the one region that does not say so.
    created = probably_new and bucket.region != HOME_REGION and await try_to_create_bucket(bucket, tell)
    survey = NO_BUCKET if created else await survey_bucket(bucket, prefix)
    versioned_now = any(each.setting is VERSIONING for each in survey.repairs)

    async def keep_versions() -> None:
        await make_safe(bucket, [TURN_ON] * versioned_now)
        may_upload(survey.objects)

    if survey.exists:
        await keep_versions()
    else:
        created = created or await create_bucket(bucket, tell)
        # What S3 gives to every bucket may not be written in some organisations, so a new one, too, is read
        # before it is written. But no new bucket keeps versions, and uploads wait for nothing else; what
        # somebody else has put there meanwhile, they find.
        _, survey = await gather_all(keep_versions(), survey_bucket(bucket, prefix))
    repairs = [each for each in survey.repairs if each.setting is not VERSIONING]
    await make_safe(bucket, repairs)
    repaired = (VERSIONING.name,) * versioned_now + tuple(repair.name for repair in repairs)
    return PreparedBucket(created=created, versioned_now=versioned_now, repaired=repaired)


async def make_safe(bucket: Bucket, repairs: Iterable[Repair]) -> None:
    """Put settings right, side by side.

    Raises:
        BucketError: the bucket belongs to another account, or S3 does not take a setting.
    """
    try:
        await write_settings(bucket, repairs)
    except AwsError as error:
        raise await bucket_error(error, bucket) from error
