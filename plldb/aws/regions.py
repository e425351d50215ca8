"""Regions and partitions, and which region is meant. Talks to the disk, by way of a session.

botocore deprecates its endpoint resolver for others; the data that it reads is open to all.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from aiobotocore.session import AioSession

from plldb.aws.failures.making import malformed_region, settings_error
from plldb.errors import Hint, SettingsError


def find_region(session: AioSession, region: str | None) -> str:
    """Return the region that is meant: the given one, else the session's own, else that of the settings.

    Raises:
        SettingsError: there is none, or it cannot be one.
    """
    try:
        session.get_scoped_config()  # a profile that does not exist is told first
        # botocore knows AWS_DEFAULT_REGION only; AWS's other tools put AWS_REGION first.
        # What a program has set on its own session comes before both.
        own = session.instance_variables().get("region")
        ambient = os.environ.get("AWS_REGION", "").strip()
        found = region or own or ambient or session.get_config_variable("region")
    except Exception as error:
        if known := settings_error(error, region, session):
            raise known from error
        raise
    if not found:
        raise SettingsError(
            "No AWS region is set.",
            hint=Hint(
                "set-region", "Set AWS_REGION, or put `region = …` into your profile in ~/.aws/config."
            ),
        )
    # botocore lets capitals pass, and S3 refuses a bucket of that name.
    if not isinstance(found, str) or found != found.lower():
        raise malformed_region(str(found))
    return found


def check_known(session: AioSession, region: str, endpoint: str) -> None:
    """Check that AWS has a region, as far as the installed botocore knows; an emulator may have any.

    Raises:
        SettingsError: it has not; the nearest name is told.
    """
    if is_known(session, region) or is_foreign(session, endpoint):
        return
    (nearest,) = difflib.get_close_matches(region, _regions(session), n=1, cutoff=0)
    raise SettingsError(
        f"There is no region {region!r} that the installed botocore knows.",
        hint=Hint(
            "choose-place", f"The nearest name is {nearest}. A region that is newer needs a newer botocore."
        ),
    )


def is_known(session: AioSession, region: str) -> bool:
    """Tell whether the installed botocore knows a region."""
    return region in _regions(session)


def is_foreign(session: AioSession, endpoint: str) -> bool:
    """Tell whether an endpoint is not AWS's."""
    host = urlsplit(endpoint).hostname or ""
    return not host.endswith(tuple(f".{each}" for each in _domains(_partitions(session))))


def dns_suffix(session: AioSession, partition: str) -> str:
    """Return the domain of a partition's endpoints, for example ``amazonaws.com``."""
    found = next(each for each in _partitions(session) if each["partition"] == partition)
    return str(found["dnsSuffix"])


def _regions(session: AioSession) -> list[str]:
    return [name for each in _partitions(session) for name in each["regions"]]


def _partitions(session: AioSession) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = session.get_data("endpoints")["partitions"]
    return found


def _domains(partitions: Iterable[dict[str, Any]]) -> set[str]:
    rows = [row for each in partitions for row in (each, *each["defaults"].get("variants", []))]
    return {row["dnsSuffix"] for row in rows if "dnsSuffix" in row}
