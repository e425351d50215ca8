"""What makes the artifact bucket safe, as a table: each setting read, compared, written. Talks to S3.

Settings are added to what is there, never exchanged for it: other statements of the bucket policy
and other lifecycle rules stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plldb.bootstrap.artifacts.bucket import NAMED_AT_MOST, Bucket
from plldb.bootstrap.artifacts.lifecycle import has_lifecycle_rule, name_rules, with_lifecycle_rule
from plldb.bootstrap.artifacts.policy import has_tls_statement, name_statements, with_tls_statement
from plldb.bootstrap.errors import BucketError
from plldb.errors import AccessDeniedError, AwsError, Hint
from plldb.tasks import gather_all

Found = Mapping[str, Any]
"""What S3 answered about a setting; empty if it was never made."""

# What S3 says of a document that it does not take; sent again it is refused again.
REFUSED = frozenset(
    {"InvalidArgument", "InvalidRequest", "MalformedPolicy", "MalformedXML", "PolicyTooLarge"}
)


def _nobody(_: Found) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A row of the table.

    Attributes:
        name: for people.
        read: the method of the S3 client that reads it.
        never_made: the code that S3 answers then for a setting that was never made.
        right: whether what was found is right.
        write: the method that writes it.
        wanted: its parameters, with what others set in them.
        others: names what others set, for the error that S3 does not take the whole.
    """

    name: str
    read: str
    never_made: str = ""
    right: Callable[[Bucket, Found], bool]
    write: str
    wanted: Callable[[Bucket, Found], dict[str, Any]]
    others: Callable[[Found], Sequence[str]] = _nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A setting that has to be written, and what was found instead."""

    setting: Setting
    found: Found

    @property
    def name(self) -> str:
        """The setting's name."""
        return self.setting.name


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsSurvey:
    """What is to be put right, and the algorithm that new objects are encrypted with; None if not told."""

    repairs: tuple[Repair, ...]
    encryption: str | None


PUBLIC_ACCESS_BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
OWNERSHIP = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


def _encryption_rules(found: Found) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = found.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    return rules


# CloudFormation sees changed code by its version.
VERSIONING = Setting(
    name="versioning",
    read="get_bucket_versioning",
    right=lambda _, found: found.get("Status") == "Enabled",
    write="put_bucket_versioning",
    wanted=lambda _, __: {"VersioningConfiguration": {"Status": "Enabled"}},
)
SETTINGS = (
    Setting(
        name="public access blocked",
        read="get_public_access_block",
        never_made="NoSuchPublicAccessBlockConfiguration",
        right=lambda _, found: (
            PUBLIC_ACCESS_BLOCK.items() <= found.get("PublicAccessBlockConfiguration", {}).items()
        ),
        write="put_public_access_block",
        wanted=lambda _, __: {"PublicAccessBlockConfiguration": PUBLIC_ACCESS_BLOCK},
    ),
    VERSIONING,
    Setting(
        # S3's own keys, unless somebody chose others. A rule without an algorithm says something else, and
        # leaves them: S3 encrypts every object.
        name="encryption",
        read="get_bucket_encryption",
        never_made="ServerSideEncryptionConfigurationNotFoundError",
        right=lambda _, found: bool(_encryption_rules(found)),
        write="put_bucket_encryption",
        wanted=lambda _, __: {"ServerSideEncryptionConfiguration": ENCRYPTION},
    ),
    Setting(
        # The bucket's owner owns every object; ACLs are off.
        name="bucket-owner-enforced",
        read="get_bucket_ownership_controls",
        never_made="OwnershipControlsNotFoundError",
        right=lambda _, found: found.get("OwnershipControls") == OWNERSHIP,
        write="put_bucket_ownership_controls",
        wanted=lambda _, __: {"OwnershipControls": OWNERSHIP},
    ),
    Setting(
        name="TLS only",
        read="get_bucket_policy",
        never_made="NoSuchBucketPolicy",
        right=lambda bucket, found: has_tls_statement(found.get("Policy", ""), bucket.arn),
        write="put_bucket_policy",
        wanted=lambda bucket, found: {"Policy": with_tls_statement(found.get("Policy", ""), bucket.arn)},
        others=lambda found: name_statements(found.get("Policy", "")),
    ),
    Setting(
        name="old versions expire",
        read="get_bucket_lifecycle_configuration",
        never_made="NoSuchLifecycleConfiguration",
        right=lambda _, found: has_lifecycle_rule(found),
        write="put_bucket_lifecycle_configuration",
        wanted=lambda _, found: with_lifecycle_rule(found),
        others=name_rules,
    ),
)
# What is to be done where there is no bucket yet.
ALL_REPAIRS = tuple(Repair(setting=setting, found={}) for setting in SETTINGS)


async def survey_settings(bucket: Bucket) -> SettingsSurvey:
    """Look at every setting, side by side."""
    answers = await gather_all(*[_read(bucket, setting) for setting in SETTINGS])
    found = dict(zip(SETTINGS, answers, strict=True))
    wrong = [Repair(setting=row, found=found[row]) for row in SETTINGS if not row.right(bucket, found[row])]
    defaults = [
        rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm")
        for answer in answers
        for rule in _encryption_rules(answer)
    ]
    return SettingsSurvey(repairs=tuple(wrong), encryption=next(filter(None, defaults), None))


async def write_settings(bucket: Bucket, repairs: Iterable[Repair]) -> None:
    """Put settings right, side by side.

    Raises:
        BucketError: S3 does not take one because of what others set; the message names that.
    """
    await gather_all(*[_write(bucket, repair) for repair in repairs])


async def _read(bucket: Bucket, setting: Setting) -> Found:
    try:
        answer: Found = await bucket.aws.call(getattr(bucket.s3, setting.read), **bucket.ours)
    except AwsError as error:
        if setting.never_made and error.aws_code == setting.never_made:
            return {}
        raise
    return answer


async def _write(bucket: Bucket, repair: Repair) -> None:
    row = repair.setting
    method = getattr(bucket.s3, row.write)
    try:
        await bucket.aws.call(method, **row.wanted(bucket, repair.found), **bucket.ours)
    except AwsError as error:
        # Beside a block of public access S3 takes no policy that lets the public in, and calls it a denial.
        public = isinstance(error, AccessDeniedError) and "BlockPublicPolicy" in str(error)
        others = row.others(repair.found)
        if not others or not (public or error.aws_code in REFUSED):
            raise
        raise BucketError(
            f"S3 refuses the setting {row.name!r} of the bucket {bucket.name}: {error.message}. "
            f"What others wrote is sent back with it: {'; '.join(others[:NAMED_AT_MOST])}.",
            bucket=bucket.name,
            hint=Hint(
                "look-at-bucket",
                "Correct or remove it in the bucket's policy or lifecycle rules; plldb does not change what "
                "others wrote there.",
            ),
        ) from error
