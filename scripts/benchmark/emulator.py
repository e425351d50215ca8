"""MiniStack with what ``sam deploy`` needs beside it. Talks to processes."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.servers import MINISTACK, Server, find_uv, reserved_port, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# sam keeps its bucket in a stack of its own, whose template needs the transform of the Serverless model.
TRANSFORM = "aws-sam-translator"
START_SECONDS = 180.0  # the first start downloads it


@asynccontextmanager
async def ministack_for_peers() -> AsyncIterator[Server]:
    """The emulator of the tests, with the transform."""
    wanted = ("--python", sys.executable, "--with", TRANSFORM, "--from", MINISTACK)
    settings = {
        "BIND_HOST": "127.0.0.1",
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }
    command = (*find_uv(), "tool", "run", *wanted, "ministack")
    ready = "/_ministack/ready"
    with reserved_port() as port:
        settings["GATEWAY_PORT"] = str(port)
        async with running("MiniStack", command, settings, port, ready, START_SECONDS) as server:
            yield server
