"""The least that a program on aiobotocore can cost: import it, make three clients, ask twice."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from aiobotocore.session import AioSession


async def main() -> None:
    """Make the clients that plldb makes, and two requests one after the other."""
    session = AioSession()
    async with AsyncExitStack() as stack:
        made: list[Any] = [
            await stack.enter_async_context(session.create_client(service))
            for service in ("sts", "cloudformation", "s3")
        ]
        sts, cloudformation, _ = made
        await sts.get_caller_identity()
        await cloudformation.describe_stacks()


asyncio.run(main())
