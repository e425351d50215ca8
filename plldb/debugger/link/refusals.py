"""The errors for a WebSocket API that lets nobody in, is of another version, or is silent. Pure."""

from __future__ import annotations

from plldb.aws.errors import TryAgainError
from plldb.debugger.errors import ProtocolError, RefusedError
from plldb.debugger.link.greetings import Refused
from plldb.debugger.wire import VERSION
from plldb.errors import Hint, UnreachableError


def not_let_in(status: int) -> RefusedError:
    """Return the error for an API that refuses this session; ``status`` as of HTTP."""
    return RefusedError(
        f"The WebSocket API does not let this session in ({status}).",
        hint=Hint("set-up", "Set up plldb again with this version, and attach again."),
    )


def other_version(refused: Refused) -> ProtocolError:
    """Return the error for an API of another version."""
    return ProtocolError(
        f"The deployed WebSocket API speaks version {refused.version} of the protocol, this plldb {VERSION}.",
        hint=Hint("set-up", "Set up plldb with this version, or use the version that was deployed."),
    )


def api_answers(status: int) -> TryAgainError:
    """Return the error for an API that answers a request to connect with this status."""
    error = UnreachableError(
        f"The WebSocket API answers {status}.",
        service="execute-api",
        operation="connect",
        hint=Hint("wait", "AWS is overloaded or failing; try again in a while."),
    )
    return TryAgainError(error, throttled=status == 429)


def api_silent() -> TryAgainError:
    """Return the error for an API that does not answer hello."""
    error = UnreachableError(
        "The WebSocket API does not answer.",
        service="execute-api",
        operation="hello",
        hint=Hint(
            "look-at-stack", "The logs of its functions may say why: /aws/lambda/plldb-ws-api-default."
        ),
    )
    return TryAgainError(error, throttled=False)
