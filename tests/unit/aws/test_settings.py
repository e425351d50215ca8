"""Where region and profile come from, and what is said when they cannot be right."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.credentials import AioCredentials
from aiobotocore.session import AioSession
from botocore.exceptions import ParamValidationError

from plldb.aws.failures.making import credentials_error
from plldb.aws.failures.sign_in import SignedIn
from plldb.aws.pace import RequestPace
from plldb.aws.place import Place
from plldb.aws.session import open_aws
from plldb.errors import CredentialsError, SettingsError

pytestmark = pytest.mark.once

CONFIG = """\
[default]
region = eu-west-3
[profile other]
region = eu-north-1
[profile bare]
output = json
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    return path


async def region(
    explicit: str | None = None, profile: str | None = None, session: AioSession | None = None
) -> str:
    async with open_aws(Place(session=session, profile=profile, region=explicit), RequestPace()) as aws:
        return aws.region


async def make_a_client(
    explicit: str, profile: str | None = None, endpoint_url: str | None = None, *, sign: bool = False
) -> None:
    place = Place(profile=profile, region=explicit, endpoint_url=endpoint_url)
    async with open_aws(place, RequestPace()) as aws:
        await aws.s3()
        if sign:
            await aws.read_target()


@pytest.mark.usefixtures("config")
async def test_a_region_is_looked_for_from_the_nearest_place_to_the_farthest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await region() == "eu-west-3"
    assert await region(profile="other") == "eu-north-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    assert await region(profile="other") == "us-east-2"
    monkeypatch.setenv("AWS_REGION", "us-west-1")
    assert await region(profile="other") == "us-west-1"
    assert await region("sa-east-1", "other") == "sa-east-1"


@pytest.mark.usefixtures("config")
async def test_the_profile_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert await region() == "eu-north-1"


@pytest.mark.usefixtures("config")
async def test_a_session_of_ones_own_has_its_profile() -> None:
    assert await region(session=AioSession(profile="other")) == "eu-north-1"


@pytest.mark.usefixtures("config")
async def test_a_region_set_on_the_session_itself_comes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-west-1")
    session = AioSession()
    session.set_config_variable("region", "eu-central-1")
    assert await region(session=session) == "eu-central-1"
    assert await region("sa-east-1", session=session) == "sa-east-1"


async def test_a_session_and_a_profile_together_are_a_mistake() -> None:
    with pytest.raises(SettingsError, match="Both a session and the profile 'other'"):
        await region("eu-west-1", "other", AioSession())


@pytest.mark.usefixtures("config")
async def test_no_region_anywhere_is_told_with_the_way_out() -> None:
    with pytest.raises(SettingsError, match="No AWS region is set") as raised:
        await region(profile="bare")
    assert "AWS_REGION" in str(raised.value.hint)


@pytest.mark.usefixtures("config")
async def test_an_unknown_profile_is_named_with_and_without_a_region() -> None:
    with pytest.raises(SettingsError, match="The AWS profile 'nobody' does not exist") as raised:
        await region(profile="nobody")
    assert "list-profiles" in str(raised.value.hint)
    with pytest.raises(SettingsError, match="The AWS profile 'nobody' does not exist"):
        await make_a_client("eu-west-1", "nobody")


async def test_a_malformed_configuration_is_named_by_its_file(config: Path) -> None:
    config.write_text("[default\nregion")
    with pytest.raises(SettingsError, match="AWS configuration") as raised:
        await region()
    assert str(config) in raised.value.message


@pytest.mark.parametrize("wrong", ["EU WEST", "EU-WEST-1", "eu_west_1", "-", "a/b"])
async def test_what_cannot_be_a_region_is_named(wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"'{wrong}' cannot be a region"):
        await make_a_client(wrong)


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("eu-wst-1", "eu-west-1"), ("eu-west-9", "eu-west-"), ("us-est-2", "st-2"), ("nowhere", "")],
)
async def test_a_region_that_aws_has_not_is_told_with_the_nearest_name(wrong: str, nearest: str) -> None:
    with pytest.raises(SettingsError, match=f"no region '{wrong}'") as raised:
        await region(wrong)
    assert nearest in str(raised.value.hint)
    # An emulator may have any.
    async with open_aws(Place(region=wrong, endpoint_url="http://localhost:1"), RequestPace()) as aws:
        assert aws.region == wrong


@pytest.mark.parametrize(
    "wrong",
    [
        *("no url", "localhost:1", "http://", "ftp://localhost"),
        *("http://localhost:99999", "http://localhost:abc", "http://localhost:0"),
    ],
)
async def test_an_endpoint_that_no_request_could_reach_is_named(wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"'{wrong}' cannot be an endpoint") as raised:
        await make_a_client("eu-west-1", endpoint_url=wrong)
    assert "AWS_ENDPOINT_URL" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("/bin/echo null", "AttributeError|TypeError"),
        ("/bin/echo []", "AttributeError|TypeError"),
        ("/nonexistent/helper", "/nonexistent/helper"),
        ("/bin/echo hello", "wrote no JSON"),
        ("/bin/false", "custom-process"),
    ],
)
async def test_a_credential_process_that_gives_none_is_a_credentials_error(
    config: Path, command: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    config.write_text(f"[default]\nregion = eu-west-1\ncredential_process = {command}\n")
    with pytest.raises(CredentialsError, match=named):
        await make_a_client("eu-west-1")


async def test_a_token_file_that_is_not_there_is_a_credentials_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/dev")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token")
    async with open_aws(Place(region="eu-west-1"), RequestPace()) as aws:
        with pytest.raises(CredentialsError, match="/nonexistent/token"):
            await aws.read_target()


async def test_credentials_that_cannot_be_renewed_are_a_credentials_error() -> None:
    class Broken(AioCredentials):
        async def get_frozen_credentials(self) -> Any:  # type: ignore[override]
            raise KeyError("the secret itself")

    session: Any = AioSession()
    session._credentials = Broken("key", "secret")
    place = Place(session=session, region="eu-west-1", endpoint_url="http://127.0.0.1:9")
    async with open_aws(place, RequestPace()) as aws:
        with pytest.raises(CredentialsError, match="KeyError") as raised:
            await aws.read_target()
    assert "secret itself" not in raised.value.message


async def test_clients_are_made_once_and_know_the_partition_by_its_domain() -> None:
    async with open_aws(Place(region="eu-west-1"), RequestPace()) as aws:
        assert await aws.s3() is await aws.s3()
        assert aws.dns_suffix("aws") == "amazonaws.com"
        assert aws.dns_suffix("aws-cn") == "amazonaws.com.cn"


ROLE = "role_arn = arn:aws:iam::123456789012:role/dev\n"
SSO = "sso_session = x\nsso_account_id = 1\nsso_role_name = x\n[sso-session x]\nsso_region = eu-west-1\n"


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("s3 =", "s3 of the profile default in {file} must be a section"),
        ("s3 = yes", "s3 of the profile default in {file} must be a section"),
        ("endpoint_url =\n  a = b", "endpoint_url of the profile default in {file} must be a value"),
        ("sso_session =\n  a = b", "sso_session of the profile default in {file} must be a value"),
        ("credential_process =\n  a = b", "credential_process of the profile default in {file}"),
        ("metadata_service_timeout = abc", "must be a number, not 'abc'"),
        ("services = nowhere", r"\({file}, profile default\): .*nowhere"),
        ("services = mine\n[services mine]\ns3 = yes", r"s3 of the section \[services mine\] in {file}"),
        (f"{SSO}sso_start_url =\n  a = b", r"sso_start_url of the section \[sso-session x\] in {file}"),
        (f"{ROLE}source_profile =\n  a = b", "source_profile of the profile default in {file}"),
        (f"{ROLE}source_profile = nobody", r"\({file}, profile default\): .*nobody"),
        (
            f"{ROLE}source_profile = keys\n[profile keys]\ncredential_process =\n  a = b",
            "credential_process of the profile keys in {file} must be a value",
        ),
    ],
)
async def test_a_setting_of_the_wrong_shape_is_named_with_file_and_profile(
    config: Path, setting: str, named: str
) -> None:
    config.write_text(f"[default]\n{setting}\n")
    with pytest.raises(SettingsError, match=named.format(file=re.escape(str(config)))):
        await make_a_client("eu-west-1", sign=True)


@pytest.mark.parametrize("last", ["echo null", "echo not json", "false", "cat /nonexistent"])
async def test_a_source_at_the_end_of_a_chain_is_named_with_its_profile(config: Path, last: str) -> None:
    config.write_text(
        f"[default]\n{ROLE}source_profile = keys\n[profile keys]\ncredential_process = /bin/{last}\n"
    )
    with pytest.raises(CredentialsError) as raised:
        await make_a_client("eu-west-1")
    assert f"credential_process of the profile keys in {config}" in raised.value.message
    assert "credential_process" in str(raised.value.hint)


async def test_of_two_clients_that_are_made_at_once_one_asks_for_credentials(config: Path) -> None:
    asked = config.with_name("asked")
    config.write_text(f"[default]\ncredential_process = sh -c 'echo once >> {asked}; sleep 0.1; exit 1'\n")
    async with open_aws(Place(region="eu-west-1"), RequestPace()) as aws:
        made = await asyncio.gather(*map(aws.client, ("sts", "lambda")), return_exceptions=True)
    assert ([*map(type, made)], asked.read_text()) == ([CredentialsError] * 2, "once\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EOFError(), "nothing was typed"),
        (
            ParamValidationError(report="Invalid length for parameter TokenCode, value: 3"),
            "TokenCode, value: 3",
        ),
    ],
)
def test_an_mfa_code_that_is_not_typed_or_too_short_is_named(error: Exception, said: str) -> None:
    found = credentials_error(error, AioSession(), SignedIn())
    assert re.fullmatch(f"AWS credentials: an MFA code is asked for: .*{said}", str(found))


async def test_what_no_setting_explains_is_no_error_of_the_settings() -> None:
    class Broken(AioSession):
        def create_client(self, *_: Any, **__: Any) -> Any:
            raise AttributeError("a bug")

    async with open_aws(Place(session=Broken(), region="eu-west-1"), RequestPace()) as aws:
        with pytest.raises(AttributeError, match="a bug"):
            await aws.s3()


async def test_a_variable_that_is_no_number_is_named(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("[default]\n")
    monkeypatch.setenv("AWS_METADATA_SERVICE_TIMEOUT", "soon")
    with pytest.raises(SettingsError, match="AWS_METADATA_SERVICE_TIMEOUT must be a number, not 'soon'"):
        await make_a_client("eu-west-1")
