"""Every exception that a caller of plldb may catch. Pure.

::

    PlldbError                     something a person can act on; never a bug in plldb
    ├── SettingsError              a setting is missing or cannot be right
    ├── PackagingError             a bundled handler cannot be read or is too large
    ├── TemplateError              template and handlers do not fit each other
    ├── AwsError                   AWS refused, or could not be reached
    │   ├── CredentialsError       no credentials, or expired or invalid ones
    │   ├── AccessDeniedError      IAM does not allow an action
    │   └── UnreachableError       no answer: network, endpoint, timeout
    ├── BucketError                the bucket is not ours, or cannot be made safe
    └── StackError                 something about the CloudFormation stack
        ├── StackNotOursError      a stack of that name which plldb did not create
        ├── StackStuckError        a state that plldb must not repair by itself
        └── StackFailedError       an operation on the stack failed
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from plldb.bootstrap.events import Failure

__all__ = [
    "AccessDeniedError",
    "AwsError",
    "BucketError",
    "CredentialsError",
    "PackagingError",
    "PlldbError",
    "SettingsError",
    "StackError",
    "StackFailedError",
    "StackNotOursError",
    "StackStuckError",
    "TemplateError",
    "UnreachableError",
]


class PlldbError(Exception):
    """Something went wrong that a person can act on.

    Attributes:
        code: a stable slug for programs, one for each class.
        message: one sentence that names the thing and the wrong value.
        hint: one sentence that names the way out; may be empty.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class SettingsError(PlldbError):
    """A setting is missing or cannot be right: no region, an unknown profile, a malformed endpoint."""

    code = "settings"


class PackagingError(PlldbError):
    """A bundled handler cannot be read, or its package exceeds the limit of AWS Lambda."""

    code = "packaging"


class TemplateError(PlldbError):
    """Template and handlers do not fit each other.

    Attributes:
        placeholder: name of the placeholder at fault, empty if it is not about one.
        line: line in ``template.yaml``, counted from 1; None if the fault has no place.
    """

    code = "template"

    def __init__(
        self, message: str, *, placeholder: str = "", line: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.placeholder = placeholder
        self.line = line


class AwsError(PlldbError):
    """AWS refused a request or could not be reached.

    Attributes:
        service: botocore's name of the service, for example ``cloudformation``.
        operation: API operation, for example ``CreateStack``; empty before the first request.
        aws_code: error code that AWS sent; empty if no answer came.
    """

    code = "aws"

    def __init__(
        self, message: str, *, service: str = "", operation: str = "", aws_code: str = "", hint: str = ""
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
        hint: str = "",
    ) -> None:
        super().__init__(message, service=service, operation=operation, aws_code=aws_code, hint=hint)
        self.action = action


class UnreachableError(AwsError):
    """No usable answer came: the network, the endpoint, a timeout, or errors that did not go away."""

    code = "unreachable"


class BucketError(PlldbError):
    """The artifact bucket belongs to somebody else, or cannot be made safe.

    Attributes:
        bucket: its name.
    """

    code = "bucket"

    def __init__(self, message: str, *, bucket: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.bucket = bucket


class StackError(PlldbError):
    """Something about the CloudFormation stack.

    Attributes:
        stack: name of the stack.
        status: its CloudFormation status when the error was raised; None if there is no stack.
        failures: what failed and left the stack there, root cause first; empty if nothing did, or if
            CloudFormation told nothing.
    """

    code = "stack"

    def __init__(
        self,
        message: str,
        *,
        stack: str,
        status: str | None = None,
        failures: tuple[Failure, ...] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.stack = stack
        self.status = status
        self.failures = failures


class StackNotOursError(StackError):
    """A stack of that name exists which plldb did not create; it is never touched."""

    code = "stack-not-ours"


class StackStuckError(StackError):
    """The stack is in a state that plldb must not repair by itself."""

    code = "stack-stuck"


class StackFailedError(StackError):
    """An operation on the stack failed."""

    code = "stack-failed"

    def __str__(self) -> str:
        """Return the message with the reason of the root cause, for whoever logs the exception alone."""
        reasons = [failure.reason for failure in self.failures[:1]]
        return " ".join([self.message, *reasons])
