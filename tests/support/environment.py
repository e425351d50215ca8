"""The AWS settings of one test, in place of everything the developer has. Pure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REGION = "eu-west-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who the program is, to an emulator. ``token`` is empty for long-term credentials."""

    access_key_id: str
    secret_access_key: str = "test"
    token: str = ""


def invent_account() -> str:
    """A random account id. MiniStack takes an access key id of 12 digits as the account."""
    return str(secrets.randbelow(9 * 10**11) + 10**11)


def isolated(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment without any AWS setting, and without the developer's AWS files."""
    kept = {key: value for key, value in environment.items() if not key.startswith("AWS_")}
    return kept | {
        "AWS_CONFIG_FILE": str(folder / "no-aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-aws-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def aws_settings(endpoint: str, credentials: Credentials, region: str = REGION) -> dict[str, str]:
    """The settings that make the program use an emulator."""
    settings = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    return settings | ({"AWS_SESSION_TOKEN": credentials.token} if credentials.token else {})
