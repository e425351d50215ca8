"""Make the artifact bucket ready: there, ours, with versions, and safe. Talks to S3."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        versioned_now: whether versioning was turned on just now.
        repairs: the other settings, which are still to be put right.
        objects: what lies in it already, by key.
    """

    created: bool
    versioned_now: bool
    repairs: tuple[Repair, ...]
    objects: Mapping[str, StoredObject]

    @property
    def repaired(self) -> tuple[str, ...]:
        """Names of all the settings that were not right."""
        return (VERSIONING.name,) * self.versioned_now + tuple(repair.name for repair in self.repairs)


async def prepare_bucket(
    bucket: Bucket, prefix: str, tell: Tell[BucketDelayed], *, probably_new: bool
) -> PreparedBucket:
    """Create the bucket unless it is there, turn its versioning on, and look at all else.

    With ``probably_new`` it is created without a look before. Objects are looked at under ``prefix``.

    Raises:
        BucketError: it belongs to another account, or is in another region.
    """
    # One of ours stays as it is, but in the one region that does not say so.
    created = probably_new and bucket.region != HOME_REGION and await try_to_create_bucket(bucket, tell)
    survey = NO_BUCKET if created else await survey_bucket(bucket, prefix)
    if not survey.exists:
        created = created or await create_bucket(bucket, tell)
        # What S3 gives to every bucket may not be written in some organisations, so a new one, too, is read
        # before it is written. But no new bucket keeps versions, and uploads wait for nothing else.
        _, survey = await gather_all(make_safe(bucket, [TURN_ON]), survey_bucket(bucket, prefix))
        repairs, versioned_now = _without_versioning(survey.repairs), True
    else:
        repairs = _without_versioning(survey.repairs)
        versioned_now = repairs != survey.repairs
        await make_safe(bucket, [TURN_ON] * versioned_now)
    return PreparedBucket(
        created=created, versioned_now=versioned_now, repairs=repairs, objects=survey.objects
    )


async def make_safe(bucket: Bucket, repairs: Iterable[Repair]) -> None:
    """Put settings right, side by side.

    Raises:
        BucketError: the bucket belongs to another account, or S3 does not take a setting.
    """
    try:
        await write_settings(bucket, repairs)
    except AwsError as error:
        raise await bucket_error(error, bucket) from error


def _without_versioning(repairs: Iterable[Repair]) -> tuple[Repair, ...]:
    return tuple(each for each in repairs if each.setting is not VERSIONING)
