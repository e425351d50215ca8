"""The exceptions and hints that everything in plldb shares. Pure.

Each capability has a branch of its own below PlldbError: that of `plldb.bootstrap` is drawn in
`plldb.bootstrap.errors`.

::

    PlldbError                     something a person can act on; never a bug in plldb
    ├── SettingsError              a setting is missing or cannot be right
    └── AwsError                   AWS refused, or could not be reached
        ├── CredentialsError       no credentials, or expired or invalid ones
        ├── AccessDeniedError      IAM does not allow an action
        └── UnreachableError       no answer: network, endpoint, timeout
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

__all__ = [
    "AccessDeniedError",
    "AwsError",
    "CredentialsError",
    "Hint",
    "HintKind",
    "PlldbError",
    "SettingsError",
    "UnreachableError",
]

HintKind = Literal[
    # where and as whom
    "set-region",
    "set-profile",
    "set-endpoint",
    "choose-place",
    "fix-settings",
    "sign-in",
    "check-credentials",
    "install-login",
    "set-clock",
    # what AWS allows
    "allow-action",
    "check-account",
    "raise-limit",
    # the way to AWS
    "check-network",
    "check-proxy",
    "check-certificates",
    # time
    "run-again",
    "wait",
    "wait-for-other",
    # the deployment
    "set-up",
    "fix-cause",
    "fix-or-delete",
    "fix-argument",
    "tell-apart",
    "choose-port",
    "look-at-stack",
    "look-at-bucket",
    "delete-stack",
    "keep-resources",
    "unprotect-stack",
    "delete-table",
    "delete-log-group",
    "restore-functions",
    "share",
    "take-over",
    # plldb itself
    "reinstall",
    "upgrade",
    "fix-template",
    "report",
]
"""What a hint asks for; each word is stable, and new ones may come."""


@dataclass(frozen=True, slots=True)
class Hint:
    """The way out of an error, as a fact.

    Attributes:
        kind: what is to be done, for programs: they can word it in their own way, or offer a command.
        text: the same as one sentence, true for any caller. It names no command.
        about: name of the thing that has to be changed, for example of a table; empty if there is none.
    """

    kind: HintKind
    text: str
    about: str = ""

    def __str__(self) -> str:
        return self.text


class PlldbError(Exception):
    """Something went wrong that a person can act on.

    Attributes:
        code: a stable slug for programs, one for each class.
        message: one sentence that names the thing and the wrong value.
        hint: the way out; None if plldb knows none.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: Hint | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class SettingsError(PlldbError):
    """A setting is missing or cannot be right: no region, an unknown profile, a malformed endpoint."""

    code = "settings"


class AwsError(PlldbError):
    """AWS refused a request or could not be reached.

    Attributes:
        service: botocore's name of the service, for example ``cloudformation``.
        operation: API operation, for example ``CreateStack``; empty before the first request.
        aws_code: error code that AWS sent; empty if no answer came.
    """

    code = "aws"

    def __init__(
        self,
        message: str,
        *,
        service: str = "",
        operation: str = "",
        aws_code: str = "",
        hint: Hint | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.service = service
        self.operation = operation
        self.aws_code = aws_code


class CredentialsError(AwsError):
    """There are no credentials, or AWS does not accept them (any more)."""

    code = "credentials"


class AccessDeniedError(AwsError):
    """IAM does not allow the action.

    Attributes:
        action: the missing IAM action, for example ``s3:PutObject``.
    """

    code = "access-denied"

    def __init__(
        self,
        message: str,
        *,
        action: str,
        service: str = "",
        operation: str = "",
        aws_code: str = "",
        hint: Hint | None = None,
    ) -> None:
        super().__init__(message, service=service, operation=operation, aws_code=aws_code, hint=hint)
        self.action = action


class UnreachableError(AwsError):
    """No usable answer came: the network, the endpoint, a timeout, or errors that did not go away."""

    code = "unreachable"
