"""What an attached session tells of its functions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from plldb.debugger.events.restore import FunctionHolder


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionArmed:
    """A function is armed: from now on its invocations come here."""

    kind: Literal["function_armed"] = "function_armed"
    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionShared:
    """Others hold the function as well, on other conditions; each gets the invocations that fulfil theirs.

    ``others`` are in the order of joining: an invocation that fulfils the conditions of several is the
    first's of them who is connected. Told to whoever joins, once.
    """

    kind: Literal["function_shared"] = "function_shared"
    function: str
    others: tuple[FunctionHolder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferingCode:
    """A function whose code on this machine is not what is deployed.

    Attributes:
        function: its name.
        files: the first files that differ, or are in the package only; that of the handler comes first.
        count: how many there are.
    """

    function: str
    files: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeDiffers:
    """The code of this machine, which answers, is not what is deployed. Told once, for all functions.

    Nothing is told of functions whose code is the same, or whose package cannot be read.
    """

    kind: Literal["code_differs"] = "code_differs"
    functions: tuple[DifferingCode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRelayed:
    """A function may not reach this machine directly (403), but through the handlers; slower, told once."""

    kind: Literal["function_relayed"] = "function_relayed"
    function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSilent:
    """A function was invoked, and nothing of it came here: its deployed code has answered. Told once.

    ``function_version`` is the one that was invoked; only ``$LATEST`` is ever armed. If it is that one, its
    sandbox has no way to plldb's API; ``in_vpc`` tells whether it is in a VPC, which is the usual reason.
    """

    kind: Literal["function_silent"] = "function_silent"
    function: str
    request_id: str
    function_version: str
    in_vpc: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionDeployed:
    """A function was deployed, restored or deleted while it was armed.

    Attributes:
        function: its name.
        armed: whether its invocations come here; if a deployment had ended that, it was armed again. If not,
            what was left of plldb's on it is taken out.
        code_changed: its deployed code is not what it was. What runs here is the code of this machine.
        reason, message: why it is not armed, for programs and for people: ``held`` by ``holder``,
            ``given-back``, ``gone``, or why it cannot be armed; empty if it is.
        holder: the ARN of who has taken it over; empty if nobody has.
    """

    kind: Literal["function_deployed"] = "function_deployed"
    function: str
    armed: bool
    code_changed: bool = False
    reason: str = ""
    message: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisibilityDenied:
    """The messages of a queue cannot be hidden for longer while a function holds them here; told once.

    If that takes longer than the visibility timeout of the queue, Lambda gets them a second time.
    """

    kind: Literal["visibility_denied"] = "visibility_denied"
    function: str
    queue: str
    message: str


FunctionEvent = (
    FunctionArmed
    | FunctionShared
    | CodeDiffers
    | FunctionRelayed
    | FunctionSilent
    | FunctionDeployed
    | VisibilityDenied
)
"""What an attached session tells of its functions."""
