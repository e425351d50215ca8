"""The exceptions of bootstrap, a branch of the tree in `plldb.errors`. Pure.

::

    PlldbError
    ├── PackagingError             a bundled handler cannot be read or is too large
    ├── TemplateError              template and handlers do not fit each other
    ├── BucketError                the bucket is not ours, or cannot be made safe
    ├── FunctionsHeldError         functions are being debugged, or are not put back yet
    └── StackError                 something about the CloudFormation stack
        ├── StackNotOursError      a stack of that name which plldb did not create
        ├── StackStuckError        a state that plldb must not repair by itself
        └── StackFailedError       an operation on the stack failed
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plldb.errors import Hint, PlldbError

if TYPE_CHECKING:
    from datetime import datetime

    from plldb.bootstrap.events.stack import Failure

__all__ = [
    "BucketError",
    "FunctionHold",
    "FunctionsHeldError",
    "PackagingError",
    "StackError",
    "StackFailedError",
    "StackNotOursError",
    "StackStuckError",
    "TemplateError",
]


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
        self,
        message: str,
        *,
        placeholder: str = "",
        line: int | None = None,
        hint: Hint | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.placeholder = placeholder
        self.line = line


class BucketError(PlldbError):
    """The artifact bucket belongs to somebody else, or cannot be made safe.

    Attributes:
        bucket: its name.
    """

    code = "bucket"

    def __init__(self, message: str, *, bucket: str, hint: Hint | None = None) -> None:
        super().__init__(message, hint=hint)
        self.bucket = bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionHold:
    """A function that somebody debugs for ``stack`` on the machine ``host``, or that is not put back yet.

    From ``lease_until`` on it runs as deployed, and anybody may put it back. Where several people have one
    function, there is one of these for each.
    """

    arn: str
    holder: str
    host: str
    stack: str
    since: datetime
    lease_until: datetime

    @property
    def function(self) -> str:
        """Its name."""
        return self.arn.rpartition(":")[2]


class FunctionsHeldError(PlldbError):
    """Functions are being debugged, or are not put back yet: without the stack nothing would do that.

    Attributes:
        functions: which, and who holds them.
    """

    code = "functions-held"

    def __init__(
        self, message: str, *, functions: tuple[FunctionHold, ...], hint: Hint | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.functions = functions


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
        hint: Hint | None = None,
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
