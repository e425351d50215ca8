"""Who was signed in how, and the way out when AWS does not accept that. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from botocore import exceptions as boto

from plldb.errors import Hint

# What botocore raises where there are no credentials, or those that are there have come to their end.
NO_CREDENTIALS = (
    boto.CredentialRetrievalError,
    boto.LoginError,
    boto.NoAuthTokenError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.SSOError,
    boto.TokenRetrievalError,
)
NOBODY = Hint(
    "check-credentials",
    "Set AWS_PROFILE to a profile with credentials, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign "
    "in (`aws login`, `aws sso login`).",
)
INSTALL_LOGIN = Hint(
    "install-login",
    'A profile of `aws login` needs one package more: `pip install "botocore[crt]"` beside plldb; '
    "the extra plldb[login] brings it.",
)
_ROLE = "Check role_arn in the profile, the trust policy of that role, and the credentials that assume it."
# By botocore's word for the source of credentials, `CredentialProvider.METHOD`.
_SOURCES = {
    "env": "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; if they have expired, get "
    "new ones.",
    "shared-credentials-file": "Check the access key of the profile in ~/.aws/credentials.",
    "config-file": "Check the access key of the profile in ~/.aws/config.",
    "custom-process": "Check credential_process in your profile; run its command by hand.",
    "assume-role": _ROLE,
    "assume-role-with-web-identity": "Check the role, and the token in the file that "
    "AWS_WEB_IDENTITY_TOKEN_FILE or web_identity_token_file names.",
    "container-role": "Check the role of this container.",
    "iam-role": "Check the role of this machine.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """How somebody is signed in.

    Attributes:
        source: where the credentials came from, in botocore's word; empty if there are none.
        profile: the profile in force; None for that named ``default``.
    """

    source: str = ""
    profile: str | None = None


def sign_in_hint(who: SignedIn, error: Exception | None = None) -> Hint:
    """Return the way out when credentials are missing, or AWS does not accept them.

    ``error`` is what botocore raised for want of them: a chain of profiles may end in another source than
    ``who`` says.
    """
    source = source_of(error) or who.source
    profile = f" --profile {shlex.quote(who.profile)}" if who.profile else ""
    match source:
        case "":
            return NOBODY
        case "sso":
            return Hint("sign-in", f"Sign in again: `aws sso login{profile}`.")
        case "login":
            return Hint("sign-in", f"Sign in again: `aws login{profile}`.")
        case _:
            return Hint("check-credentials", _SOURCES.get(source, "Check the credentials that were given."))


def source_of(error: Exception | None) -> str:
    """Return botocore's word for the source that an error of botocore's tells; empty if it tells none."""
    match error:
        case boto.SSOError():
            return "sso"
        case boto.LoginError():
            return "login"
        case boto.TokenRetrievalError() | boto.CredentialRetrievalError() | boto.PartialCredentialsError():
            return str(error.kwargs.get("provider", ""))
        case _:
            return ""
