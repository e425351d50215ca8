"""Lambda handler of the ``$default`` route: what clients say to plldb itself. Talks to AWS.

The route is one-way: what the handler returns reaches nobody, answers are sent to the connection. No
invocation goes through here, but where an agent cannot send to the laptop by itself and has it relayed.

Cargo: AWS runs it, plldb never imports it.
"""

from __future__ import annotations

import json
import time
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError
from claims import is_function_name, is_session
from replies import failed, lend, place_of, post
from tables import Holder, Lease, check_agent, find_laptop, open_client, take_over

VERSION = 4
"""Of the protocol: `plldb.debugger.wire.VERSION`."""

LONGEST_FRAME = 30_000
"""Characters of a frame: `plldb.debugger.wire.FRAME_LIMIT`."""

LONGEST_NONCE = 64
"""Characters of the word by which a client finds the answer to its ``hello``."""

open_client("dynamodb")  # while Lambda starts the function, with the whole CPU

Message = dict[str, Any]
Refusal = Literal["protocol", "token", "lease"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer ``hello``, relay a frame; ignore everything else."""
    request, message = event["requestContext"], read_message(event.get("body"))
    try:
        match message.get("action"):
            case "hello":
                answer = answer_hello(request, message, context)
                post(request, request["connectionId"], json.dumps(answer))
            case "relay":
                relay(request, message, context)
    except (BotoCoreError, ClientError) as error:
        return failed("$default", error)
    return {"statusCode": 200}


def read_message(body: object) -> Message:
    """Return the message in a body; an empty one for what is none. Pure."""
    try:
        message = json.loads(body) if isinstance(body, str) else {}
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def answer_hello(request: Message, message: Message, context: Any) -> Message:
    """Return what a client is to know that says ``hello``, or why it is refused."""
    nonce, version, now = message.get("n"), message.get("v"), time.time()
    answer = {"v": VERSION, "n": nonce if isinstance(nonce, str) and len(nonce) <= LONGEST_NONCE else ""}
    if version != VERSION:
        yours = version if isinstance(version, int) else None
        return {**answer, "t": "refused", "why": "protocol", "yours": yours}
    said = request.get("authorizer") or {}
    found: Message | Refusal
    if said.get("kind") == "developer":
        found = greet_developer(request, said, now)
    else:
        found = greet_agent(request, said, message, context, now)
    if isinstance(found, str):
        return {**answer, "t": "refused", "why": found}
    return {**answer, "t": "welcome", "me": request["connectionId"], "now": now, **found}


def greet_developer(request: Message, said: Message, now: float) -> Message | Refusal:
    """Make this connection the one by which its session is reached: its owner listens from now on."""
    session = said.get("session")
    return {} if is_session(session) and take_over(session, request["connectionId"], now) else "token"


def greet_agent(
    request: Message, said: Message, message: Message, context: Any, now: float
) -> Message | Refusal:
    """Return where the laptops are that hold the function, and credentials to send to no others."""
    lease = lease_of(said, message, context, now)
    if isinstance(lease, str):
        return lease
    laptops = [describe(each, now) for each in lease.holders]
    found: Message = {"lease": lease.until, "laptops": laptops}
    if peers := [each["peer"] for each in laptops if each["peer"]]:
        keys, until = lend(place_of(context), request, peers, said["function"])
        found |= {"creds": keys, "until": until}
    return found


def describe(holder: Holder, now: float) -> Message:
    """Return what an agent is to know of one that holds its function; ``peer`` is None if away."""
    laptop = find_laptop(holder.session, now)
    return {
        "session": holder.name,
        "where": holder.where,
        "proof": holder.proof,
        "peer": laptop.connection if laptop else None,
        "detached": laptop is not None and laptop.detached,
    }


def lease_of(said: Message, message: Message, context: Any, now: float) -> Lease | Refusal:
    """Return the lease of the function whose agent says this, by the token in the message."""
    function, token = said.get("function"), message.get("k")
    if not is_function_name(function) or not isinstance(token, str):
        return "token"
    return check_agent(place_of(context).arn("lambda", f"function:{function}"), token, now)


def relay(request: Message, message: Message, context: Any) -> None:
    """Send an agent's frame to a laptop that holds the agent's function, and to no other."""
    frame, now = message.get("d"), time.time()
    lease = lease_of(request.get("authorizer") or {}, message, context, now)
    if isinstance(lease, str) or not isinstance(frame, str) or not 0 < len(frame) <= LONGEST_FRAME:
        return
    # Where nobody has that name, it is somebody else's by now: the frame is not for them.
    for holder in lease.holders:
        if message.get("s") == holder.name and (laptop := find_laptop(holder.session, now)):
            post(request, laptop.connection, frame)
