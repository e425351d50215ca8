"""Who acts where, as every command says it first. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plldb.cli.output.layout import Line

if TYPE_CHECKING:
    from plldb.aws.place import Target


SOURCES = {
    "env": "the keys in environment variables",
    "shared-credentials-file": "keys in AWS's credentials file",
    "config-file": "keys in AWS's config file",
    "assume-role": "an assumed role",
    "assume-role-with-web-identity": "a role for a web identity",
    "sso": "SSO",
    "login": "aws login",
    "custom-process": "credential_process",
    "container-role": "the role of this container",
    "iam-role": "the role of this machine",
}
"""Where credentials come from, by botocore's word for it (``METHOD`` of its credential providers)."""
OF_THE_MACHINE = ("env", "container-role", "iam-role")
"""Sources that no profile is needed for."""


def target_lines(target: Target) -> list[Line]:
    """Return account, region, caller and credentials; an endpoint that is not AWS's stands out."""
    return [
        Line(name="account", text=f"{target.account}, region {target.region}"),
        Line(name="caller", text=target.caller_arn),
        *credentials_lines(target),
        *endpoint_lines(target),
    ]


def endpoint_lines(target: Target) -> list[Line]:
    """Say which endpoint stands for AWS, if one does."""
    return [Line(name="endpoint", text=target.endpoint_url, tone="warn")] if target.endpoint_url else []


def credentials_lines(target: Target) -> list[Line]:
    """Say where the credentials came from, if that is known."""
    if not target.credentials:
        return []
    profile = target.profile if target.credentials not in OF_THE_MACHINE else None
    text = SOURCES.get(target.credentials, target.credentials) + (f", profile {profile}" if profile else "")
    return [Line(name="signed in", text=f"with {text}")]
