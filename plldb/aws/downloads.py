"""What an address that AWS has signed leads to, such as the code of a function. Talks to the network."""

from __future__ import annotations

import asyncio

import aiohttp
from aiobotocore.session import AioSession

from plldb.aws.websockets import proxy_for, trusted_by

_PIECE = 1 << 20


async def download(session: AioSession, url: str, *, seconds: float, most: int) -> bytes | None:
    """Return what is there; None if it cannot be had within this time, or is larger than ``most`` bytes.

    The address is good for whoever has it: it is in no message and no log.

    Raises:
        SettingsError: a setting is in the way.
    """
    trust = await asyncio.to_thread(trusted_by, session) if url.startswith("https://") else True
    limit = aiohttp.ClientTimeout(total=seconds)
    content = bytearray()
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as http,
            http.get(url, ssl=trust, proxy=proxy_for(url)) as answer,
        ):
            async for piece in answer.content.iter_chunked(_PIECE):
                content += piece
                if len(content) > most:
                    return None
            return bytes(content) if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None
