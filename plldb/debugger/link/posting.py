"""Frames, posted to the connections of sandboxes. Talks to API Gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext

from plldb.aws.errors import TryAgainError
from plldb.aws.session import Aws
from plldb.debugger.events.connection import AnswersDelayed
from plldb.debugger.link.addresses import management_address
from plldb.debugger.protocol.decisions import Post
from plldb.errors import AccessDeniedError, AwsError, PlldbError

LARGE_FRAME = 8 * 1024
"""Size of a frame, in bytes, from which on it is held back while `LARGE_AT_ONCE` such are under way."""
LARGE_AT_ONCE = 56
"""Of the connections for posts (64) so many may be busy with pieces of large answers: the others are for
heartbeats and small answers, which many large ones must not delay."""


class Poster:
    """Posts frames, and tells when AWS begins to refuse them. ``opened`` is what they go through."""

    def __init__(self, aws: Aws, websocket: str, tell: Callable[[AnswersDelayed], None]) -> None:
        self._aws = aws
        self._tell = tell
        self._refused = False
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        # Opened beside the connection, so that the first answer does not wait for it.
        self.opened = asyncio.create_task(aws.open_posts(management_address(websocket)))

    async def post(self, post: Post) -> int:
        """Post a frame once; return the HTTP status, 0 if no answer came."""
        try:
            async with self._large if len(post.frame) >= LARGE_FRAME else nullcontext():
                posts = await self.opened
                await self._aws.post(posts, post.connection, post.frame.encode())
        except TryAgainError as again:
            return 429 if again.throttled else 0
        except PlldbError as error:
            status = _status_of(error)
            if status != 410 and not self._refused:
                self._tell(AnswersDelayed(code=error.code, message=error.message))
            self._refused = status != 410
            return status
        self._refused = False
        return 200


def _status_of(error: PlldbError) -> int:
    if isinstance(error, AccessDeniedError):
        return 403
    gone = isinstance(error, AwsError) and error.aws_code == "GoneException"
    return 410 if gone else 0
