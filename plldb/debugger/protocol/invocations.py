"""An invocation, which sandbox has it, and its answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from plldb.debugger import wire

ENVIRONMENT = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "_X_AMZN_TRACE_ID",
    }
)
"""The only variables that a message contributes to what runs on this machine."""

ANSWER_HEADERS = frozenset(
    {
        "content-type",
        "lambda-runtime-function-error-type",
        "lambda-runtime-function-xray-error-cause",
    }
)
"""The only headers that an answer carries to the Runtime API."""

LARGEST_ANSWER = 6 * 2**20 + 100
"""Most bytes of an answer (AWS's runtime emulator; the Developer Guide's "Lambda quotas" say 6 MB)."""

LONGEST_HEADER = 2**20
"""Longest header of an answer, in characters; the Runtime API refuses a longer description of an error."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """One agent process in one of Lambda's sandboxes.

    ``key`` is the key id of the function's token, so that no function can speak for another one's sandbox;
    ``id`` is what the agent calls itself.
    """

    key: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which delivery of which invocation. A retry by Lambda has the same request id, but another nonce."""

    sandbox: Sandbox
    request_id: str
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What Lambda gave to a sandbox, to be run here.

    ``delivered`` is when, and ``deadline`` until when the function as deployed would have time, both in
    seconds of the epoch by the sandbox's clock. ``log_stream`` is the same for every process that Lambda
    starts in one sandbox.
    """

    headers: tuple[tuple[str, str], ...] = field(repr=False)
    environment: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    delivered: float
    deadline: float

    @property
    def log_stream(self) -> str:
        """The log stream of the sandbox, empty if it was not told."""
        return dict(self.environment).get("AWS_LAMBDA_LOG_STREAM_NAME", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back to Lambda: a result, or an error that the function's caller sees as one."""

    kind: Literal["response", "error"]
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(repr=False)


def error_answer(error: str, message: str) -> Answer:
    """Return an answer that the caller sees as a function error of the type ``error``."""
    return Answer(
        kind="error",
        headers=(("content-type", "application/json"), ("lambda-runtime-function-error-type", error)),
        body=wire.to_json({"errorType": error, "errorMessage": message}).encode(),
    )


def too_large_error() -> Answer:
    """Return the error that Lambda itself gives for a response above `LARGEST_ANSWER`."""
    text = f"Response payload size exceeded maximum allowed payload size ({LARGEST_ANSWER} bytes)."
    return error_answer("Function.ResponseSizeTooLarge", text)
