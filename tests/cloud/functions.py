"""Functions made for a test: packed, created, invoked. Talks to Lambda."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import sys
import zipfile
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""The Python of the tests, which is there in any case."""


def pack(files: dict[str, str]) -> bytes:
    """A zip of executable files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, text)
    return packed.getvalue()


async def create(client: Any, code: str, **settings: Any) -> str:
    """Create a function with a handler ``handler``; its name, which no other function has."""
    name = f"app-{secrets.token_hex(4)}"
    common = {"Runtime": RUNTIME, "Role": "arn:aws:iam::000000000000:role/any", "Timeout": 10}
    code_of_it = {"Handler": "app.handler", "Code": {"ZipFile": pack({"app.py": code})}}
    await client.create_function(FunctionName=name, **common | code_of_it | settings)
    return name


async def invoke(client: Any, name: str, event: object, **how: Any) -> Any:
    """What a function answers, be it an error."""
    answer = await client.invoke(FunctionName=name, Payload=json.dumps(event), **how)
    return json.loads(await answer["Payload"].read())


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)


async def outcome(call: Awaitable[object]) -> str:
    """``done``, or the code of the error that AWS answers."""
    try:
        await call
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"
