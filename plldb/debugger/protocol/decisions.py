"""What the session decides, for its caller to carry out. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from plldb.debugger.protocol.invocations import Identity, Invocation, Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Post a frame to a connection, and give the outcome to `Session.posted`.

    ``identity``, ``piece`` and ``round`` are for the session: which piece of which answer it is, if any.
    """

    connection: str
    frame: str = field(repr=False)
    sandbox: Sandbox
    identity: Identity | None = None
    piece: int | None = None
    round: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Run an invocation in the worker of its sandbox; then call `Session.answered`.

    ``latest`` is until when it may be started, in epoch seconds of this machine's clock. ``clocks`` is by how
    much that clock is ahead of the one that stands still while the machine is asleep.
    """

    identity: Identity
    function: str
    invocation: Invocation
    latest: float = math.inf
    clocks: float = 0.0


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop an invocation: nobody waits for it, and its sandbox has the next one."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class EndSandbox:
    """End the worker of a sandbox that no longer exists."""

    sandbox: Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """An invocation was not run, and its caller gets an error; ``reason`` is a sentence for people."""

    identity: Identity
    function: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """An answer was posted as a whole, or given up because its sandbox does not respond."""

    identity: Identity
    complete: bool


@dataclass(frozen=True, slots=True)
class Relayed:
    """A function's sandboxes may not post to this machine directly (403); slower, through the handlers."""

    function: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """A frame was ignored; ``reason`` repeats nothing of it."""

    reason: str


Decision = Post | Start | Cancel | EndSandbox | Declined | Delivered | Relayed | Dropped
