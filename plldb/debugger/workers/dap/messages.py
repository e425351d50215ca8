"""Messages of the Debug Adapter Protocol (DAP) on a stream. Talks to editors and to debugpy's adapter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

LARGEST_MESSAGE = 16 * 2**20
"""Most bytes of a message."""

Message = Mapping[str, object]


def write_message(message: Message) -> bytes:
    """Return a message as it travels."""
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


async def read_message(reader: asyncio.StreamReader) -> Message:
    """Read a message.

    Raises:
        ValueError: what comes is no such message, but for example an HTTP request.
        EOFError: nothing comes any more.
    """
    # An HTTP request has its own first line, so that this is the whole of the check.
    name, _, length = (await reader.readuntil(b"\r\n")).partition(b":")
    if name != b"Content-Length":
        raise ValueError("not DAP")
    while (await reader.readuntil(b"\r\n")).strip():
        pass  # other headers
    size = int(length)
    if not 0 <= size <= LARGEST_MESSAGE:
        raise ValueError("too long")
    body = await reader.readexactly(size)
    try:
        message = json.loads(body)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(message, dict):
        raise ValueError("not a message")
    return message


def is_first(message: Message) -> bool:
    """Tell whether an editor begins with this message."""
    return message.get("type") == "request" and message.get("command") == "initialize"


def attach_arguments(arguments: Mapping[str, object], *, port: int, pid: int) -> Mapping[str, object]:
    """Return the arguments with which an editor gets the right process, and the others through this port.

    ``pid`` is that of the process that editors attach to first: without one the adapter gives any process.
    The adapter repeats ``connect`` for the others, so the editor's own, maybe through a tunnel, is kept.
    """
    mine = {key: arguments[key] for key in ("host", "port") if key in arguments}
    others = {
        key: value
        for key, value in arguments.items()
        if key not in ("host", "port", "listen", "processId")  # that is for a process of its own
    }
    return {"connect": {"host": "127.0.0.1", "port": port} | mine, "subProcessId": pid, **others}


def refuse(request: Message, reason: str) -> Message:
    """Return the answer to a request that is not done."""
    error = {"id": 1, "format": reason, "showUser": True}
    answer = {"type": "response", "request_seq": request.get("seq"), "command": request.get("command")}
    return {"seq": 1, **answer, "success": False, "message": reason, "body": {"error": error}}


def name_process(message: Message, names: Mapping[int, str]) -> Message:
    """Return a message in which a process that is reported to the editor has its name."""
    match message:
        case {"event": "debugpyAttach", "body": dict(body)}:
            return {**message, "body": _named(body, names)}
        case {"command": "startDebugging", "arguments": {"request": how, "configuration": dict(body)}}:
            return {**message, "arguments": {"request": how, "configuration": _named(body, names)}}
    return message


def _named(body: Mapping[str, object], names: Mapping[int, str]) -> Mapping[str, object]:
    pid = body.get("subProcessId")
    return {**body, "name": names[pid]} if isinstance(pid, int) and pid in names else body
