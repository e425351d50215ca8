"""What it means that a session, a client or credentials cannot be made. Pure.

A session is asked for names, files and shapes; no value of a setting is told that could be secret.
"""

from __future__ import annotations

import json
from typing import Any

from aiobotocore.session import AioSession
from botocore import exceptions as boto

from plldb.aws.errors import TryAgainError, translate
from plldb.aws.failures.settings import profile_in_force, settings_file, source_of_credentials, wrong_settings
from plldb.aws.failures.sign_in import INSTALL_LOGIN, NO_CREDENTIALS, SignedIn, sign_in_hint, source_of
from plldb.aws.failures.unreachable import NO_ANSWER, one_line
from plldb.errors import AwsError, CredentialsError, Hint, PlldbError, SettingsError

_FIX = Hint("fix-settings", "Correct that setting.")
_MFA = Hint("sign-in", "Run it on a terminal, and type the six digits that your MFA device shows.")
_ENDPOINT = "Invalid endpoint: "
"""What botocore says, as a ValueError."""

# Sources that lie outside any profile.
_AMBIENT = ("env", "container-role", "iam-role")
# What making a client fails with where it is the credentials that it lacks.
_OF_CREDENTIALS = (
    *NO_CREDENTIALS,
    *NO_ANSWER,
    boto.ClientError,
    boto.MissingDependencyException,
    json.JSONDecodeError,
    OSError,
)


def settings_error(
    error: Exception, region: str | None, session: AioSession | None = None
) -> PlldbError | None:
    """Return what it means that no session or client can be made; None if no setting explains it.

    ``session`` tells which file and profile are in force, and which settings have another shape than
    botocore expects.
    """
    match error:
        case boto.ProfileNotFound():
            return SettingsError(
                f"The AWS profile {error.kwargs.get('profile', '')!r} does not exist.",
                hint=Hint("set-profile", "`aws configure list-profiles` shows those that do; choose one."),
            )
        case boto.InvalidRegionError():
            return malformed_region(str(region))
        case ValueError() if str(error).startswith(_ENDPOINT):
            return malformed_endpoint(str(error).removeprefix(_ENDPOINT))
        case boto.ConfigParseError() | boto.ConfigNotFound():
            return SettingsError(
                f"AWS configuration: {one_line(error)}",
                hint=Hint("fix-settings", "Correct that file, or set AWS_CONFIG_FILE to another."),
            )
    if session and (wrong := wrong_settings(session)):
        return SettingsError(f"AWS settings: {'; '.join(wrong)}.", hint=_FIX)
    if isinstance(error, boto.BotoCoreError | ValueError):
        return SettingsError(
            f"AWS settings{_where(session)}: {one_line(error)}.".replace("..", "."),
            hint=Hint(
                "fix-settings",
                "Check AWS_ENDPOINT_URL, the other AWS_… variables, and your profile in ~/.aws/config.",
            ),
        )
    return None


def malformed_region(region: str) -> SettingsError:
    """Return what it means that a name cannot be that of a region."""
    hint = Hint("choose-place", "Regions look like eu-west-1.")
    return SettingsError(f"{region!r} cannot be a region.", hint=hint)


def malformed_endpoint(url: str) -> SettingsError:
    """Return what it means that a URL cannot be that of an endpoint."""
    hint = Hint("set-endpoint", "Endpoints look like http://localhost:4566; set or unset AWS_ENDPOINT_URL.")
    return SettingsError(f"{url!r} cannot be an endpoint.", hint=hint)


def client_error(
    error: Exception, region: str, session: AioSession, who: SignedIn
) -> PlldbError | TryAgainError | None:
    """Return what it means that a client cannot be made; None if no setting explains it."""
    if isinstance(error, _OF_CREDENTIALS):
        return credentials_error(error, session, who)
    return settings_error(error, region, session)


def credentials_error(error: Exception, session: AioSession, who: SignedIn) -> PlldbError | TryAgainError:
    """Return what it means that credentials cannot be found, fetched or renewed."""
    if isinstance(error, PlldbError):
        return error  # it says already what is wrong
    if isinstance(error, boto.ClientError):
        return _refused(error, who)
    if isinstance(error, EOFError) or "parameter TokenCode" in str(error):
        what = "nothing was typed" if isinstance(error, EOFError) else one_line(error)
        return CredentialsError(f"AWS credentials: an MFA code is asked for: {what}", hint=_MFA)
    if isinstance(error, NO_ANSWER):
        return translate(error, service="their source", operation="AWS credentials", who=who)
    if wrong := wrong_settings(session):
        return SettingsError(f"AWS settings: {'; '.join(wrong)}.", hint=_FIX)
    of_settings = isinstance(error, boto.BotoCoreError) and not isinstance(error, _OF_CREDENTIALS)
    if of_settings and (found := settings_error(error, None, session)):
        return found
    source = None if (source_of(error) or who.source) in _AMBIENT else source_of_credentials(session)
    if source:
        who = SignedIn(source=source.method, profile=source.profile)
    where = f" ({source.where})" if source else ""
    hint = INSTALL_LOGIN if isinstance(error, boto.MissingDependencyException) else sign_in_hint(who, error)
    return CredentialsError(f"AWS credentials{where}: {_what(error)}", hint=hint)


def _what(error: Exception) -> str:
    """Return what is wrong; what a source of credentials gives may be the secret itself."""
    match error:
        case json.JSONDecodeError():
            return f"their source wrote no JSON: {error}"
        case boto.BotoCoreError() | OSError():
            return one_line(error)
        case _:
            return f"their source gives something else ({type(error).__name__})"


def _refused(error: boto.ClientError, who: SignedIn) -> PlldbError | TryAgainError:
    operation: str = error.operation_name
    service = "sts" if operation.startswith("AssumeRole") else "sso"
    found = translate(error, service=service, operation=operation, who=who)
    if type(found) is not AwsError:
        return found
    # Without credentials: else a role that is not found would look like a stack that is not.
    where: Any = {"service": service, "operation": operation, "aws_code": found.aws_code}
    return CredentialsError(f"AWS credentials: {found.message}", hint=sign_in_hint(who), **where)


def _where(session: AioSession | None) -> str:
    """Return the file and the profile in force, if there is such a profile."""
    profile = profile_in_force(session) if session else ""
    return f" ({settings_file(session)}, profile {profile})" if session and profile else ""
