"""The library in process, as another program uses it."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from aiobotocore.session import AioSession

import plldb
from plldb import bootstrap, errors
from tests.support.template import OBJECTS, PACKAGES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from tests.conftest import OpenClient
    from tests.support.environment import Credentials

BRISK = bootstrap.Pace(poll=0.05, poll_eager=0.05, first_wait=0.0)


async def collect(stream: AsyncGenerator[Any, None]) -> list[Any]:
    return [event async for event in stream]


async def test_setup_begins_with_who_and_where_and_ends_with_the_deployment(
    aws_env: dict[str, str], account: str
) -> None:
    events = await collect(bootstrap.setup(pace=BRISK))
    assert isinstance(events[0], bootstrap.Started)
    assert (events[0].target.account, events[0].target.region) == (account, "eu-west-1")
    assert isinstance(events[-1], bootstrap.SetupFinished)
    assert events[-1].changed
    deployment = events[-1].deployment
    assert (deployment.account, deployment.region) == (account, "eu-west-1")
    assert deployment.plldb_version == plldb.__version__
    assert deployment.outputs["SessionsTableName"] == "PLLDBSessions"
    uploaded = [event.uploaded for event in events if isinstance(event, bootstrap.ArtifactReady)]
    assert uploaded == [True] * PACKAGES

    again = await collect(bootstrap.setup(pace=BRISK))
    assert not again[-1].changed
    assert not [event for event in again if isinstance(event, bootstrap.StackEvent)]
    assert again[-1].deployment == deployment


async def test_settings_are_arguments_and_nothing_is_read_from_the_environment(
    endpoint: str, credentials: Credentials, account: str
) -> None:
    session = AioSession()
    session.set_credentials(credentials.access_key_id, credentials.secret_access_key, credentials.token)
    place = bootstrap.Place(session=session, region="eu-north-1", endpoint_url=endpoint)
    events = await collect(bootstrap.setup(place, pace=BRISK))
    assert events[-1].deployment.bucket == f"plldb-core-infrastructure-eu-north-1-{account}"
    seen = await bootstrap.status(place, pace=BRISK)
    assert seen.healthy
    gone = await collect(bootstrap.destroy(place, pace=BRISK))
    assert isinstance(gone[-1], bootstrap.DestroyFinished)
    assert gone[-1].changed
    seen = await bootstrap.status(place, pace=BRISK)
    assert (seen.healthy, seen.stack_status, seen.bucket_exists) == (False, None, False)


async def test_stopping_at_the_plan_removes_nothing(aws_env: dict[str, str], open_client: OpenClient) -> None:
    await collect(bootstrap.setup(pace=BRISK))
    async with aclosing(bootstrap.destroy(pace=BRISK)) as stream:
        async for event in stream:
            if isinstance(event, bootstrap.RemovalPlanned):
                break
    assert isinstance(event, bootstrap.RemovalPlanned)
    assert event.stack_status == bootstrap.StackStatus.CREATE_COMPLETE
    assert event.versions == OBJECTS
    *before, planned = await collect(bootstrap.destroy(dry_run=True, pace=BRISK))
    assert (planned, [type(each).__name__ for each in before]) == (event, ["Started"])
    assert (await bootstrap.status(pace=BRISK)).healthy


async def test_a_failure_is_raised_with_its_kind(
    aws_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(errors.SettingsError, match="nobody"):
        await collect(bootstrap.setup(bootstrap.Place(profile="nobody")))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(errors.CredentialsError):
        await bootstrap.status()
