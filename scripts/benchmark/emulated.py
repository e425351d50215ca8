"""A test cloud with plldb set up in it, for what is measured on it. Talks to the test cloud."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiobotocore.session import get_session

from plldb import bootstrap
from tests.e2e.holdings import BRISK, collect
from tests.support.cloud import Cloud, start_cloud
from tests.support.environment import REGION, Credentials, aws_settings, invent_account


@asynccontextmanager
async def open_cloud(authorities: Path | None = None) -> AsyncIterator[tuple[Cloud, Callable[..., Any]]]:
    """Start a cloud in which this process acts from now on; yield it, and what opens clients there."""
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(start_cloud(authorities=authorities))
        # What is posted to a connection the gate delivers itself: MiniStack behind it, one process, needs two
        # milliseconds for each, one after the other. API Gateway takes thousands at a time.
        cloud.rules.direct = True
        settings = aws_settings(cloud.url, Credentials(access_key_id=invent_account()))
        os.environ.update(settings | {"AWS_CA_BUNDLE": str(cloud.ca), "SSL_CERT_FILE": str(cloud.ca)})

        async def open_client(service: str, **more: Any) -> Any:
            session: Any = get_session()
            client = session.create_client(service, region_name=REGION, endpoint_url=cloud.url, **more)
            return await stack.enter_async_context(client)

        await collect(bootstrap.setup(pace=BRISK))
        yield cloud, open_client
