"""The real program against a real `moto_server`, over HTTP. Talks to moto."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.integration.gateway import Gateway, serve_gateway
from tests.support import servers
from tests.support.environment import REGION, Credentials
from tests.support.sessions import make_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import OpenClient


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def moto_server() -> AsyncIterator[str]:
    """The URL of a moto server, one for all tests."""
    async with servers.moto_server() as server:
        yield server.url


@pytest.fixture
def endpoint(moto_server: str) -> str:
    """Where AWS is."""
    return moto_server


@pytest_asyncio.fixture
async def credentials(endpoint: str, account: str) -> Credentials:
    """Credentials of an account of this test alone.

    Moto knows an account by the access keys that it gave out for it, so a role of it is assumed.
    """
    client = make_session().create_client(
        "sts",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    async with client as sts:
        answer = await sts.assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/developer", RoleSessionName="test"
        )
    given = answer["Credentials"]
    return Credentials(
        access_key_id=given["AccessKeyId"],
        secret_access_key=given["SecretAccessKey"],
        token=given["SessionToken"],
    )


@pytest_asyncio.fixture
async def gateway(aws_env: dict[str, str], open_client: OpenClient) -> AsyncIterator[Gateway]:
    """What stands for API Gateway, with its rows in moto."""
    async with serve_gateway(await open_client("dynamodb")) as gateway:
        yield gateway
