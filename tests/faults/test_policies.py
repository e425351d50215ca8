"""The IAM policies of the repository: each is enough, and no statement can be left out.

MiniStack with AUTH=true checks what plldb itself asks for. What CloudFormation does on the user's behalf
(statements whose Sid begins with CloudFormation) it does not check. It has one account for the root user,
so that every case has a region of its own.
"""

from __future__ import annotations

import json
import re
import secrets
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiobotocore.session import get_session

import plldb
from plldb import bootstrap
from plldb.bootstrap.errors import BucketError
from plldb.errors import AccessDeniedError, PlldbError
from tests.faults.library import CALM, at_most, session_of
from tests.support.behaviours import on
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.support.behaviours import Forward
    from tests.support.operations import Call
    from tests.support.wire import Response

POLICIES = Path(plldb.__file__).parent / "bootstrap" / "policies"
# IAM quota "Managed policy size": 6,144 characters, white space not counted.
LARGEST = 6144

Statement = dict[str, Any]
User = tuple[str, str]
"""An access key and its secret."""


def statements_of(name: str) -> list[Statement]:
    statements: list[Statement] = json.loads((POLICIES / f"{name}.json").read_text())["Statement"]
    return statements


def provable(name: str) -> list[str]:
    return [each["Sid"] for each in statements_of(name) if not each["Sid"].startswith("CloudFormation")]


@pytest.mark.parametrize("name", ["setup", "destroy", "read-only"])
def test_a_policy_fits_into_a_managed_policy(name: str) -> None:
    assert len(re.sub(r"\s", "", (POLICIES / f"{name}.json").read_text())) <= LARGEST


async def test_each_policy_is_enough_for_what_it_is_for(iam: Iam, tls: Proxy) -> None:
    region = "us-east-1"
    async with iam.user("setup") as user:
        assert await attempt("dry-run", user, region, tls.url) is None
        assert await attempt("setup", user, region, tls.url) is None
        assert await attempt("setup", user, region, tls.url, options=tagged("f")) is None
        assert (
            await attempt(
                "dry-run", user, region, tls.url, options=bootstrap.SetupOptions(tags={"team": "g"})
            )
            is None
        )
    async with iam.user("read-only") as user:
        assert await attempt("status", user, region, tls.url) is None
        assert await attempt("watch", user, region, tls.url) is None
    async with iam.user("destroy") as user:
        assert await attempt("destroy", user, region, tls.url) is None


async def test_the_doctor_finds_a_policy_sufficient_that_is_narrowed_to_one_account_and_region(
    iam: Iam, tls: Proxy
) -> None:
    region = "af-south-1"
    narrower = {
        "core-infrastructure-*": f"core-infrastructure-{region}-000000000000",
        "role/plldb-PLLDB*": "role/plldb-PLLDB*Role-*",
    }
    text = json.dumps(statements_of("setup"))
    for wide, narrow in narrower.items():
        text = text.replace(wide, narrow)
    # MiniStack simulates without the context of a condition, so that a statement with one allows nothing.
    statements = [{**each, "Condition": {}} for each in json.loads(text)]
    async with iam.user("setup", statements=[*statements, DOCTOR]) as user:
        assert await rights_of(user, region, tls.url) == ["ok"]
    async with iam.user("setup", statements=[*statements[1:], DOCTOR]) as user:
        assert await rights_of(user, region, tls.url) == ["problem"]


DOCTOR = {"Sid": "Doctor", "Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": "*"}


def tagged(team: str) -> bootstrap.SetupOptions:
    return bootstrap.SetupOptions(tags={"team": team})


async def rights_of(user: User, region: str, endpoint: str) -> list[str]:
    """What the doctor says of that user's rights."""
    place = bootstrap.Place(session=session_of(user[0], secret=user[1]), region=region, endpoint_url=endpoint)
    examining = bootstrap.doctor(place, pace=CALM)
    return [
        event.verdict
        async for event in examining
        if isinstance(event, bootstrap.Finding) and event.check == "rights"
    ]


CASES = [(name, sid) for name in ("setup", "destroy", "read-only") for sid in provable(name)]
# Setup goes on without knowing whether a part was deleted by hand; status says that it could not look.
CASES.remove(("setup", "PartsRead"))
REGIONS = (
    *("ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1"),
    *("ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-south-1", "eu-west-1"),
    *("eu-west-2", "eu-west-3", "me-south-1", "sa-east-1", "us-east-2", "us-west-1", "us-west-2"),
)
COMMANDS = {"setup": ("setup", "dry-run"), "destroy": ("destroy",), "read-only": ("status", "watch")}
ROOT = ("test", "test")


async def test_without_any_one_statement_a_command_fails_and_names_what_is_missing(
    iam: Iam, tls: Proxy
) -> None:
    async def run_case(name: str, sid: str, region: str) -> str:
        if name != "setup" or sid == "DryRun":
            assert await attempt("setup", ROOT, region, tls.url) is None
        async with iam.user(name, without=sid) as user:
            tags = {"options": tagged("h")} if sid == "DryRun" else {}
            errors = [
                await attempt(command, user, region, tls.url, **(tags if command == "dry-run" else {}))
                for command in COMMANDS[name]
            ]
        return judge([error for error in errors if error], name, sid)

    cases = [run_case(*case, region) for case, region in zip(CASES, REGIONS, strict=False)]
    assert len(cases) == len(CASES)
    assert not [problem for problem in await at_most(3, cases) if problem]


def judge(errors: list[PlldbError], name: str, sid: str) -> str:
    """What is wrong, if anything."""
    (statement,) = (each for each in statements_of(name) if each["Sid"] == sid)
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    if not errors:
        return f"{name} works without {sid}"
    for error in errors:
        text = f"{error.message} {error.hint}"
        if not isinstance(error, AccessDeniedError | BucketError) or not any(
            each in text for each in actions
        ):
            return f"{name} without {sid}: {error!r} {error.hint!r} names none of {actions}"
    return ""


async def attempt(command: str, user: User, region: str, endpoint: str, **options: Any) -> PlldbError | None:
    """Run a command as that user; how it failed."""
    session = session_of(user[0], secret=user[1])
    place = bootstrap.Place(session=session, region=region, endpoint_url=endpoint)
    try:
        if command == "status":
            unexamined = (await bootstrap.status(place, pace=CALM)).unexamined
            return AccessDeniedError(" ".join(unexamined), action="") if unexamined else None
        name, more = ("setup", {"dry_run": True}) if command == "dry-run" else (command, {})
        async for _ in getattr(bootstrap, name)(place, pace=CALM, **more, **options):
            pass
    except PlldbError as error:
        return error
    return None


class Iam:
    """Makes users."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @asynccontextmanager
    async def user(
        self, policy: str, *, without: str = "", statements: list[Statement] | None = None
    ) -> AsyncIterator[User]:
        """A user with a policy of the repository, or with ``statements`` instead, less one statement."""
        name = f"{policy}-{secrets.token_hex(4)}"
        kept = [each for each in statements or statements_of(policy) if each["Sid"] != without]
        document = json.dumps({"Version": "2012-10-17", "Statement": kept})
        await self._client.create_user(UserName=name)
        made = await self._client.create_policy(PolicyName=name, PolicyDocument=document)
        await self._client.attach_user_policy(UserName=name, PolicyArn=made["Policy"]["Arn"])
        key: Mapping[str, str] = (await self._client.create_access_key(UserName=name))["AccessKey"]
        yield key["AccessKeyId"], key["SecretAccessKey"]
        await self._client.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])


async def say_tls(call: Call, forward: Forward) -> Response:
    """A behaviour: the bucket policy refuses plain HTTP, and plain HTTP is what a proxy has."""
    headers = (*call.request.headers, ("X-Forwarded-Proto", "https"))
    return await forward(replace(call, request=replace(call.request, headers=headers)))


@pytest_asyncio.fixture
async def tls(ministack_auth: str) -> AsyncIterator[Proxy]:
    """A proxy that stands for the HTTPS of AWS."""
    async with Proxy(ministack_auth, on(say_tls)) as proxy:
        yield proxy


@pytest_asyncio.fixture
async def iam(ministack_auth: str) -> AsyncIterator[Iam]:
    """IAM, as the root user."""
    async with get_session().create_client(
        "iam",
        region_name="us-east-1",
        endpoint_url=ministack_auth,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ) as client:
        yield Iam(client)
