"""What a failed request means, as one of plldb's errors. Pure.

botocore's exceptions end here and in `plldb.aws.failures.making`: what leaves `plldb.aws.session` is a
`plldb.errors.PlldbError`.
"""

from __future__ import annotations

from botocore import exceptions as boto

from plldb.aws.failures.codes import (
    FAILING,
    THROTTLED,
    UNKNOWN_CALLER_CODES,
    denied_action,
    denied_hint,
    meaning_of,
)
from plldb.aws.failures.sign_in import NO_CREDENTIALS, SignedIn, sign_in_hint
from plldb.aws.failures.unreachable import NO_ANSWER, blocking_setting, one_line, unreachable
from plldb.errors import AccessDeniedError, AwsError, CredentialsError, Hint, PlldbError, UnreachableError

__all__ = [
    "TryAgainError",
    "answer_header",
    "overloaded",
    "translate",
]


class TryAgainError(Exception):
    """A request failed in a way that may go away. Never leaves plldb."""

    def __init__(self, error: AwsError, *, throttled: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.throttled = throttled


_NOBODY = SignedIn()


def translate(
    error: Exception, *, service: str, operation: str, who: SignedIn = _NOBODY
) -> PlldbError | TryAgainError:
    """Return what a failed request means; ``who`` is how the caller is signed in."""
    if isinstance(error, boto.ClientError):
        told = error.response.get("Error", {})
        return _translate_answer(
            str(told.get("Code", "")),
            str(told.get("Message", "")),
            http_status=error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
            service=service,
            operation=operation,
            who=who,
        )
    if isinstance(error, NO_CREDENTIALS):
        hint = sign_in_hint(who, error)
        return CredentialsError(
            f"AWS credentials: {one_line(error)}", service=service, operation=operation, hint=hint
        )
    if setting := blocking_setting(error):
        return setting
    if isinstance(error, (*NO_ANSWER, OSError)):
        no_answer, passing = unreachable(error, service=service, operation=operation)
        return TryAgainError(no_answer, throttled=False) if passing else no_answer
    hint = Hint("report", "This is no answer of AWS's; if your settings do not explain it, report it.")
    return AwsError(f"{operation}: {one_line(error)}", service=service, operation=operation, hint=hint)


def answer_header(error: AwsError, name: str) -> str:
    """Return a header, ``name`` in small letters, of the answer that an error was made of; empty if none."""
    answer = getattr(error.__cause__, "response", {})
    return str(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get(name, ""))


def _translate_answer(
    code: str,
    message: str,
    *,
    service: str,
    operation: str,
    http_status: int = 0,
    who: SignedIn = _NOBODY,
) -> AwsError | TryAgainError:
    """Return what an error code means that AWS answered, in an answer of its own or within another."""
    # The first line only: what follows may repeat the signed headers, the session token among them.
    message = next((line.strip() for line in message.splitlines() if line.strip()), "") or code
    where = {"service": service, "operation": operation, "aws_code": code}
    meaning = meaning_of(code, http_status, message)
    match meaning.kind:
        case "throttled" | "failing":
            keeps = f"{operation}: {service} keeps answering {code or http_status}: {message}"
            return overloaded(keeps, throttled=meaning is THROTTLED, **where)
        case "clock":
            what = f"{operation}: AWS refuses the time of the request ({code})."
            return CredentialsError(what, hint=meaning.hint, **where)
        case "credentials":
            if code == "IncompleteSignature":  # its one line repeats the Authorization header
                message = code
            what = f"{operation}: AWS does not accept the credentials: {message}"
            return CredentialsError(what, hint=_credentials_hint(code, who), **where)
        case "denied":
            action = denied_action(message, service, operation)
            return AccessDeniedError(
                f"{operation}: {message}", action=action, hint=denied_hint(message, action), **where
            )
        case "refused":
            return AwsError(f"{operation}: {message} ({code})", hint=meaning.hint, **where)


def _credentials_hint(code: str, who: SignedIn) -> Hint:
    hint = sign_in_hint(who)
    if code not in UNKNOWN_CALLER_CODES:
        return hint
    # A region that is not enabled knows nobody of the account.
    region = "Or the region is not enabled for your account: choose another, or enable it."
    return Hint(hint.kind, f"{hint.text} {region}")


def overloaded(message: str, *, throttled: bool, **where: str) -> TryAgainError:
    """Return what it means that AWS throttles or fails; ``where`` are fields of `AwsError`."""
    meaning = THROTTLED if throttled else FAILING
    return TryAgainError(UnreachableError(message, hint=meaning.hint, **where), throttled=throttled)
