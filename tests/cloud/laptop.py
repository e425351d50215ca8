"""A laptop as a process of its own, to be killed: attaches, arms one function, answers. Talks to the cloud.

Arguments: name of the function, ARN of the layer, and where sandboxes find the API if it is elsewhere than
for this process. On standard output: ``ready``, then ``begun`` for each invocation that it has begun, or
``late`` if its event begins so. The event ``"hang"``, also as the body of a record, is answered after a line
on standard input; ``["send", N]`` and what follows in the list by a text of N letters. It ends with standard
input, so that none outlives the tests.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from aiobotocore.session import get_session

from plldb.debugger.protocol.invocations import Answer
from tests.cloud.world import answer_by_laptop, arm_for, attached, open_world
from tests.support.environment import REGION

if TYPE_CHECKING:
    from plldb.debugger.protocol.decisions import Start


def reply(start: Start) -> Answer | None:
    """Answer, or say that it has begun and stay silent."""
    body = start.invocation.body
    print("late" if body.startswith(b'"late') else "begun", flush=True)
    if body.startswith(b'["send", '):
        size = int(body[9:].split(b",")[0].rstrip(b"]"))
        return Answer(kind="response", body=b'"%s"' % secrets.token_urlsafe(size)[:size].encode())
    return None if b'"hang"' in body else answer_by_laptop(start)


async def main(name: str, layer: str, url: str = "") -> None:
    """Answer until the end of the process."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    async with AsyncExitStack() as stack:

        async def open_client(service: str, **settings: Any) -> Any:
            session: Any = get_session()
            client = session.create_client(service, region_name=REGION, endpoint_url=endpoint, **settings)
            return await stack.enter_async_context(client)

        world = await stack.enter_async_context(open_world(endpoint, open_client))
        session = await stack.enter_async_context(attached(world, name, reply))
        await arm_for(world, name, session, layer=layer, url=url)
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            start = session.started[-1]
            session.link.answer(start.identity, answer_by_laptop(start))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
