"""What the files of the AWS tools hold, by shape and name. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiobotocore.session import AioSession
from botocore.configloader import raw_config_parse
from botocore.exceptions import BotoCoreError

# Settings that are sections of their own, in a profile ("Configuration and credential file settings" in the
# user guide of the AWS CLI). What nobody of these knows may be anything: it belongs to other tools.
_SECTIONS = frozenset({"s3", "proxies_config"})
_VALUES = frozenset(
    (
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "credential_process",
        "credential_source",
        "duration_seconds",
        "endpoint_url",
        "external_id",
        "login_session",
        "mfa_serial",
        "role_arn",
        "role_session_name",
        "services",
        "source_profile",
        "sso_account_id",
        "sso_region",
        "sso_registration_scopes",
        "sso_role_name",
        "sso_session",
        "sso_start_url",
        "web_identity_token_file",
    )
)
# Sections that a profile refers to: how they begin, where botocore keeps them, the setting that names one.
_REFERRED = (("sso-session", "sso_sessions", "sso_session"), ("services", "services", "services"))
# What gives credentials, the nearest first, as botocore looks for it in a profile, and botocore's word for
# that source (`CredentialProvider.METHOD`).
_SOURCES = {
    "credential_process": "custom-process",
    "web_identity_token_file": "assume-role-with-web-identity",
    "sso_session": "sso",
    "sso_start_url": "sso",
    "login_session": "login",
    "role_arn": "assume-role",
    "aws_access_key_id": "config-file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What gives the credentials.

    Attributes:
        where: the setting, with its profile and file.
        profile: that profile; None for ``default``.
        method: botocore's word for it.
    """

    where: str
    profile: str | None
    method: str


def profile_in_force(session: AioSession) -> str:
    """Return the name of the profile in force; empty if there is none, or the files cannot be read."""
    with suppress(BotoCoreError):
        name = session.profile or "default"
        return name if name in session.full_config["profiles"] else ""
    return ""


def settings_file(session: AioSession) -> str:
    """Return the path of the file that profiles are in."""
    return str(session.get_config_variable("config_file"))


def source_of_credentials(session: AioSession) -> Source | None:
    """Return the setting that gives the credentials, at the end of the chain of profiles."""
    found = None
    for name, settings in _profiles(session):
        key = next((key for key in _SOURCES if key in settings), None)
        if key:
            profile = None if name == "default" else name
            found = Source(where=f"{key} of {_place(session, name)}", profile=profile, method=_SOURCES[key])
    return found


def wrong_settings(session: AioSession) -> list[str]:
    """Return, of the settings that count for the session, those whose shape is wrong, each in words."""
    try:
        return list(_all_wrong(session))
    except BotoCoreError:
        return []  # they cannot be read at all


def _all_wrong(session: AioSession) -> Iterator[str]:
    yield from _wrong_variables(session)
    known = session.session_var_map.values()
    values = _VALUES | {option for option, *_ in known if isinstance(option, str)} - {"api_versions"}
    numbers = {option for option, _, _, convert in known if convert is int and isinstance(option, str)}
    for name, settings in _profiles(session):
        for key, value in settings.items():
            if wrong := _wrong(key, value, values, numbers):
                yield f"{key} of {_place(session, name)} {wrong}"
        for kind, sections, option in _REFERRED:
            section = str(settings.get(option))
            found = session.full_config.get(sections, {}).get(section, {})
            where = f"the section [{kind} {section}] in {settings_file(session)}"
            yield from _wrong_services(found, where) if kind == "services" else _wrong_sso(found, where)


def _wrong_variables(session: AioSession) -> Iterator[str]:
    for _, variables, _, convert in session.session_var_map.values():
        for name in [variables] if isinstance(variables, str) else variables or ():
            if convert is int and (wrong := _wrong(name, os.environ.get(name) or "0", set(), {name})):
                yield f"{name} {wrong}"


def _wrong_services(found: Mapping[str, Any], where: str) -> Iterator[str]:
    """Each service is a section of its own."""
    for key, value in found.items():
        if not isinstance(value, Mapping):
            yield f"{key} of {where} must be a section, not a value"
        elif isinstance(value.get("endpoint_url"), Mapping):
            yield f"endpoint_url of {key} of {where} must be a value, not a section"


def _wrong_sso(found: Mapping[str, Any], where: str) -> Iterator[str]:
    for key, value in found.items():
        if wrong := _wrong(key, value, _VALUES, set()):
            yield f"{key} of {where} {wrong}"


def _wrong(key: str, value: object, values: Set[str], numbers: Set[str]) -> str:
    if key in _SECTIONS and not isinstance(value, Mapping):
        return "must be a section, not a value"
    if key in values and isinstance(value, Mapping):
        return "must be a value, not a section"
    if key in numbers:
        try:
            int(str(value))
        except ValueError:
            return f"must be a number, not {value!r}"
    return ""


def _profiles(session: AioSession) -> Iterator[tuple[str, Any]]:
    """Yield the profile in force and those that it takes its credentials from, with their settings."""
    profiles = session.full_config["profiles"]
    name, seen = profile_in_force(session), set[str]()
    while name in profiles and name not in seen:
        seen.add(name)
        yield name, profiles[name]
        source = profiles[name].get("source_profile")
        name = source if isinstance(source, str) else ""


def _place(session: AioSession, profile: str) -> str:
    """Return the profile and its file: that of credentials if it is in that alone."""
    file, keys = settings_file(session), str(session.get_config_variable("credentials_file"))
    with suppress(BotoCoreError):
        config = raw_config_parse(file)
        if f"profile {profile}" in config or profile in config:
            return f"the profile {profile} in {file}"
    return f"the profile {profile} in {keys}"
