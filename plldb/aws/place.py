"""Where to act, as a caller says it and as AWS answers it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiobotocore.session import AioSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to act; what is None is found as the AWS tools find it.

    Attributes:
        region: else AWS_REGION, AWS_DEFAULT_REGION or that of the profile.
        profile: name of a profile in ``~/.aws``; else AWS_PROFILE.
        endpoint_url: of an emulator; else AWS_ENDPOINT_URL, else AWS itself.
        session: a session of your own with its credentials and settings, instead of a profile.
        account: id of the only account to act in; in any other one nothing is done.
    """

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    session: AioSession | None = None
    account: str | None = None


DEFAULT_PLACE = Place()
"""Where the AWS tools would act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who acts where.

    Attributes:
        account: id of the account.
        region: name of the region.
        partition: ``aws``, ``aws-cn``, …
        caller_arn: ARN of the caller.
        endpoint_url: of an emulator; None where AWS itself is meant.
        profile: the profile that is in force; None if there is none.
        credentials: where the credentials came from, in botocore's word, for example ``env`` or ``sso``;
            empty if there are none.
    """

    account: str
    region: str
    partition: str
    caller_arn: str
    endpoint_url: str | None
    profile: str | None = None
    credentials: str = ""
